"""The command of the comparison: its errors, and one run of it."""

import importlib.util
import json

import compare_torch as compare
import pytest
from comparison import measurement

from ssl_jax.errors import UserError
from tests.benchmarks.comparison.small_config import small


@pytest.mark.parametrize("name", ["simclr", "simclr-resnet18-x", "vicreg-resnet18-256", ""])
def test_there_is_no_such_case(name):
    with pytest.raises(UserError, match=f"there is no case '{name}'.*as simclr-resnet18-512"):
        compare.main(["", f"--cases={name}"])


def test_without_torch_one_line_says_how_to_get_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(UserError, match="pip install torch"):
        compare.main([""])


@pytest.mark.torch
def test_it_runs_and_a_failure_is_one_line(monkeypatch, capsys, tmp_path):
    pytest.importorskip("torch")
    config_of = compare.config_of
    monkeypatch.setattr(compare, "config_of", lambda name: small(config_of(name)))
    monkeypatch.setattr(measurement, "SECONDS_A_TURN", 0.0)
    monkeypatch.setattr(compare.speed, "matmul_peak", lambda dtype: 1e9)
    theirs = measurement.theirs

    def broken(*args):
        if args[-1]:
            raise RuntimeError("no compiler\nand more")
        return theirs(*args)

    monkeypatch.setattr(measurement, "theirs", broken)
    path = tmp_path / "table.json"
    compare.main(["", "--cases=simclr-tiny-8", "--rounds=1", f"--json={path}"])
    out = capsys.readouterr().out
    assert "  compiled failed: RuntimeError: no compiler\n" in out
    row = json.loads(path.read_text())["cases"]["simclr-tiny-8"]
    assert "Traceback" in row["failed"]["compiled"]
    assert row["views"] == 2
    for side in ("ssl_jax", "eager"):
        assert row[side]["ready views"]["images/s"] > 0
        assert row[side]["first loss"] == pytest.approx(row["ssl_jax"]["first loss"], rel=1e-5)
