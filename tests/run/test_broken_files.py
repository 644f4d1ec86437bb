"""The files of a run are lost, broken or cannot be written: what can be rebuilt is, without a
traceback."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import ssl_jax
from ssl_jax import evaluate, main, report
from ssl_jax.errors import UserError
from ssl_jax.run.files import read_result
from ssl_jax.training.metrics_log import MetricsLog
from tests.test_main import ROOT, argv, metrics, train

HOSTILE = [b"", b"null", b"[1]", b"3", b'"x"', b"{}", b"{", b"\xff\xfe", b"[" * 100_000]
WRONG = [
    {"config": 3},
    {"evaluation": {"trained": None}},
    {"evaluation": 3},
    {"warnings": "x"},
    {"warnings": [3]},
    {"steps": "many"},
    {"seconds": float("nan")},
    {"seconds": None},
    {"digest": None},
    {"skipped_files": 3},
]


@pytest.fixture(autouse=True)
def from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    devices = jax.devices()[:1]
    monkeypatch.setattr("ssl_jax.devices.sharding.jax.devices", lambda: devices)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: Any) -> tuple[Path, dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        devices = jax.devices()[:1]
        patch.setattr("ssl_jax.devices.sharding.jax.devices", lambda: devices)
        folder = tmp_path_factory.mktemp("run") / "run"
        return folder, train(folder)


@pytest.fixture
def run(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    shutil.copytree(finished[0], tmp_path / "moved")
    return tmp_path / "moved"


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    changing = ("seconds", "images_per_second", "config")
    assert {**found, **dict.fromkeys(changing)} == {**expected, **dict.fromkeys(changing)}


def test_a_result_of_another_shape_is_none(run: Path) -> None:
    path = run / "result.json"
    good = json.loads(path.read_text())
    assert read_result(run) == good
    for content in [*HOSTILE, *(json.dumps({**good, **wrong}).encode() for wrong in WRONG)]:
        path.write_bytes(content)
        assert read_result(run) is None, content


@pytest.mark.parametrize("content", [None, b"[1]"], ids=["lost", "broken"])
def test_what_is_lost_is_rebuilt_from_the_checkpoint(
    content: bytes | None, run: Path, finished: tuple[Path, dict[str, Any]], capsys: Any
) -> None:
    files = ("result.json", "config.json", "encoder.json", "metrics.jsonl", "parameters.txt")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), np.uint8)
    features = ssl_jax.load_encoder(finished[0])(images)
    for name in (*files, "curves.png"):
        (run / name).unlink()
        if content is not None:
            (run / name).write_bytes(content)
    # Commands that only read find what they need, too.
    np.testing.assert_array_equal(ssl_jax.load_encoder(run)(images), features)
    evaluate.main(["x", f"--workdir={run}", "--protocol=knn"])
    assert "top-1" in capsys.readouterr().out
    found = train(run)
    said = capsys.readouterr().out
    same(found, finished[1])
    assert "config.json is missing or broken" in said and "resuming from step 12" in said
    for name in ("config.json", "encoder.json", "parameters.txt"):
        assert (run / name).read_bytes() == (finished[0] / name).read_bytes()
    assert metrics(run) == []


def test_settings_that_change_no_number_and_a_folder_that_moved(
    run: Path, finished: tuple[Path, dict[str, Any]], capsys: Any
) -> None:
    for path in (run / "checkpoints").glob("12"):
        shutil.rmtree(path)
    (run / "result.json").unlink()
    flags = ["data.path=elsewhere", "data.pipeline=grain", "log_every_steps=3"]
    flags += ["keep_checkpoints=1", "evaluation.batch_size=64", "checkpoint_every_epochs=2"]
    found = train(run, *(f"--config.{flag}" for flag in flags))
    assert found is not None and found["digest"] == finished[1]["digest"]
    assert found["evaluation"] == finished[1]["evaluation"]
    said = capsys.readouterr().out
    for flag in flags:
        assert f"resuming with config.{flag.split('=')[0]}=" in said
    assert "resuming from step 8" in said
    before = (run / "metrics.jsonl").read_bytes()
    assert train(run, "--config.log_every_steps=1") == found  # is finished
    assert (run / "metrics.jsonl").read_bytes() == before


def test_a_page_is_made_of_whatever_is_left(run: Path, tmp_path: Path, capsys: Any) -> None:
    settings = json.loads((run / "config.json").read_text())
    settings["data"] |= {"name": "npz", "path": "nowhere"}  # no images: nothing is compiled
    shutil.rmtree(run / "checkpoints")
    (run / "evaluations").mkdir(exist_ok=True)
    page = tmp_path / "page.html"
    for content in HOSTILE:
        (run / "config.json").write_text(json.dumps(settings))
        for name in ("result.json", "metrics.jsonl", "evaluations/knn.json", "encoder.json"):
            (run / name).write_bytes(content)
        report.main(["x", f"--workdir={run}", f"--output={page}"])
        assert "is not the result of a run" in capsys.readouterr().out
        (run / "config.json").write_bytes(content)
        for command in (report, evaluate):
            output = [f"--output={page}"] if command is report else []
            with pytest.raises(UserError) as error:
                command.main(["x", f"--workdir={run}", *output])
            assert "\n" not in str(error.value)


def full(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_for_the_curves_does_not_cost_the_result(
    run: Path, finished: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "result.json").unlink()
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(UserError, match=r"curves.png cannot be written: No space left on device"):
        train(run)
    found = read_result(run)
    assert found is not None
    same(found, finished[1])
    assert not [name for name in os.listdir(run) if ".part" in name]


def test_a_full_disk_for_the_metrics_costs_no_step(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = MetricsLog.write

    def write_or_fail(self: MetricsLog, step: int, values: Any) -> None:
        if step == 6:  # no checkpoint is due
            raise UserError("metrics.jsonl cannot be written: No space left on device")
        write(self, step, values)

    with monkeypatch.context() as patch:
        patch.setattr(MetricsLog, "write", write_or_fail)
        with pytest.raises(UserError, match="metrics.jsonl cannot be written"):
            train(tmp_path)
    assert (tmp_path / "checkpoints" / "6").is_dir()
    assert train(tmp_path)["digest"] == finished[1]["digest"]


def test_a_second_trainer_is_refused_and_a_refused_run_leaves_no_folder(tmp_path: Path) -> None:
    from ssl_jax.storage.lock import locked

    (tmp_path / "run").mkdir()
    with (
        locked(tmp_path / "run" / ".lock", "it", ""),
        pytest.raises(UserError, match=r"run is in use by process \d+ on .*; stop it first"),
    ):
        train(tmp_path / "run")
    with pytest.raises(UserError, match="learning_rate"):
        train(tmp_path / "new" / "run", "--config.learning_rate=-1")
    assert os.listdir(tmp_path) == ["run"]


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Path) -> None:
    monkeypatch.setenv("HOME", str(run.parent))
    (run / "result.json").unlink()
    main.main(argv("~/moved"))
    assert (run / "result.json").exists() and not (ROOT / "~").exists()
    assert ssl_jax.load_encoder("~/moved").step == 12
