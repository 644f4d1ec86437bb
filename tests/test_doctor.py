"""The command on digits, as small as it goes: what it says, and its exit status."""

import math
from pathlib import Path

import jax
import pytest

from ssl_jax import doctor, main
from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from ssl_jax.setup import build

ROOT = Path(__file__).parent.parent
TINY = [
    "--config=configs/moco_v2.py",
    "--config.data.limit=128",
    "--config.batch_size=64",
    "--config.network.width=4",
    "--config.network.stages=(1,)",
    "--config.network.batch_norm_groups=1",
    "--config.augment.view0.size=8",
    "--config.augment.view1.size=8",
    "--config.augment.view0.jitter_probability=0.0",
    "--config.augment.view1.jitter_probability=0.0",
    "--config.method.hidden=8",
    "--config.method.out=8",
    "--config.method.queue_size=64",
    "--config.optimizer.base_batch=128",
]


@pytest.fixture(autouse=True)
def from_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    devices = jax.devices()[:1]  # compiles faster
    monkeypatch.setattr("jax.devices", lambda: devices)


def exit_status(*more):
    try:
        doctor.main(["x", *TINY, *more])
    except SystemExit as exit:
        return exit.code
    return 0


def test_a_good_config_is_told_what_it_will_need(capsys, monkeypatch):
    needed = []
    predict = doctor.predicted_memory
    monkeypatch.setattr(doctor, "predicted_memory", lambda run: needed.append(predict(run)) or 1.0)
    assert exit_status("--config.epochs=200") == 0
    said = capsys.readouterr().out
    assert "0 fatal, 0 warnings" in said and "predicted memory" in said
    assert "400, 2 an epoch" in said and "25,600" in said
    run = build.build(config_flags.parse(["x", *TINY, "--config.epochs=200"]).config)
    state = jax.eval_shape(run.init)
    least = sum(
        math.prod(leaf.shape) * 4
        for leaf in jax.tree.leaves((state.params, state.state, state.opt))
    )
    assert f"{sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state.params)):,}" in said
    # The state is donated, so it is there once; small images and networks need little more.
    assert least < needed[0] < 10 * 2**20


def test_memory_that_a_device_does_not_have_is_fatal(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "predicted_memory", lambda run: 3.0 * 2**30)
    monkeypatch.setattr(doctor, "device_memory", lambda: 2.0 * 2**30)
    assert exit_status("--config.epochs=200") == 1
    said = capsys.readouterr().out
    assert said.startswith("fatal: the train step needs 150% of a device's memory\n    lower")
    assert "3.00 GiB of 2.00 GiB a device, 150%" in said and "1 fatal, 0 warnings" in said


def test_everything_fatal_is_said_at_once_and_once(capsys):
    bad = ["--config.method.queue_size=100", "--config.augment.view1.grey=0.1"]
    assert exit_status(*bad, "--config.optimizer.name=sdg") == 1
    said = capsys.readouterr().out
    assert said.count("fatal: queue size 100 must be a multiple of the batch size 64") == 1
    assert said.count("fatal: view spec 1: grey 0.1 needs RGB images") == 1
    assert "set config.method.queue_size=64" in said
    assert said.endswith("2 fatal, 1 warnings\n")  # momentum


def test_what_only_building_finds_is_said_as_well(capsys):
    assert exit_status("--config.optimizer.name=sdg") == 1
    assert "fatal: unknown optimizer 'sdg'" in capsys.readouterr().out


def test_without_the_data_the_rest_is_still_checked(capsys):
    bad = ["--config.data.name=folder", "--config.data.path=nowhere"]
    assert exit_status(*bad, "--config.method.temperature=1.0", "--config.optimizer.name=sdg") == 1
    said = capsys.readouterr().out
    assert "nowhere" in said and "temperature 1 on unit vectors" in said
    assert "unknown optimizer 'sdg'" in said and "2 fatal, 1 warnings" in said


def test_values_out_of_range_are_said_before_anything_else(capsys):
    assert exit_status("--config.batch_size=0") == 1
    assert "fatal: config.batch_size 0 must be at least 1" in capsys.readouterr().out


def test_training_refuses_what_is_fatal_in_one_line(tmp_path):
    bad = ["--config.network.batch_norm_groups=64", f"--workdir={tmp_path}"]
    with pytest.raises(UserError, match="from a single image; raise config.batch_size") as caught:
        main.main(["x", *TINY, *bad])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "metrics.jsonl").exists()
