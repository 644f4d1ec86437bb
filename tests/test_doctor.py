"""The command on digits, as small as it goes: what it says, and its exit status."""

import math
import re
from pathlib import Path

import jax
import pytest

from ssl_jax import doctor, main
from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from ssl_jax.setup import diagnosis, needs
from ssl_jax.setup.build import build
from tests.refusals import refuses

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
    predict = diagnosis.step_memory
    monkeypatch.setattr(diagnosis, "step_memory", lambda run: needed.append(predict(run)) or 1.0)
    assert exit_status("--config.epochs=200") == 0
    quick = capsys.readouterr().out
    assert not needed  # nothing was compiled
    for name in ("predicted memory", "checkpoints", "evaluation", "a second, in device memory"):
        assert name in quick
    assert exit_status("--config.epochs=200", "--compile") == 0
    printed = capsys.readouterr().out
    assert "0 fatal errors, 0 warnings" in printed and "compiled memory" in printed
    assert "400, 2 per epoch" in printed and "25,600" in printed
    assert "backbone/conv1/kernel" in printed  # the table of the parameters
    setup = build(config_flags.parse(["x", *TINY, "--config.epochs=200"]).config)
    state = setup.trainer.shapes()
    least = sum(
        math.prod(leaf.shape) * 4
        for leaf in jax.tree.leaves((state.params, state.state, state.opt))
    )
    assert f"{sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state.params)):,}" in printed
    # The state is donated, so it is there once; small images and networks need little more.
    assert least < needed[0] < 10 * 2**20


def test_memory_that_a_device_does_not_have_is_fatal(capsys, monkeypatch):
    monkeypatch.setattr(diagnosis, "step_memory", lambda setup: 3.0 * 2**30)
    monkeypatch.setattr(diagnosis, "device_memory", lambda: 2.0 * 2**30)
    assert exit_status("--config.epochs=200", "--compile") == 1
    printed = capsys.readouterr().out
    assert printed.startswith("fatal: config.batch_size ") and "150%" in printed
    assert "3.00 GiB of 2.00 GiB per device" in printed and "1 fatal error, 0 warnings" in printed


def test_memory_that_is_predicted_not_to_be_there_is_fatal_as_well(capsys, monkeypatch):
    monkeypatch.setattr(diagnosis, "device_memory", lambda: 2.0**16)
    assert exit_status("--config.epochs=200") == 1
    assert keys(capsys.readouterr().out) == ["config.batch_size"]


def test_what_an_evaluation_needs_follows_its_settings(monkeypatch):
    def found(*more):
        config = config_flags.parse(["x", *TINY, *more]).config
        return needs.needs(build(config), config)

    one, none = found(), found("--config.evaluation.at_end=()")
    assert none.features == none.search == 0 < one.search
    images, width, pixels = 128 + 216 + 360, 4, 64  # training, held-out and test images of digits
    assert one.features == images * 4 * (2 * width + pixels)
    half = found("--config.evaluation.dtype=bfloat16", "--config.evaluation.pixels=never")
    assert half.features == images * 2 * 2 * width
    state = setup_state(*TINY)
    known = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in state)
    assert known < one.checkpoint <= known + 16


def setup_state(*flags):
    """The arrays of a checkpoint, without the key."""
    state = build(config_flags.parse(["x", *flags]).config).trainer.shapes()
    return [leaf for leaf in jax.tree.leaves(state) if leaf.dtype != jax.random.key(0).dtype]


def keys(printed):
    """The keys of the problems that were printed, the fatal ones."""
    lines = [line for line in printed.splitlines() if line.startswith("fatal: ")]
    return [re.match(r"fatal: ([\w.]+)", line)[1] for line in lines]


def test_everything_fatal_is_listed_at_once_and_once(capsys):
    bad = ["--config.method.queue_size=100", "--config.augment.view1.grey=0.1"]
    assert exit_status(*bad, "--config.optimizer.name=sdg") == 1
    printed = capsys.readouterr().out
    expected = ["method.queue_size", "augment.view1.grey", "optimizer.name"]
    assert sorted(keys(printed)) == sorted(f"config.{key}" for key in expected)
    assert "set it to 64" in printed
    assert printed.endswith("3 fatal errors, 1 warning\n")  # momentum


def test_what_only_building_finds_is_listed_as_well(capsys, monkeypatch):
    def build(config, splits):
        raise UserError("nothing fits together")

    monkeypatch.setattr(diagnosis, "build", build)
    assert exit_status() == 1
    assert "nothing fits together" in capsys.readouterr().out


def test_without_the_data_the_rest_is_still_checked(capsys):
    bad = ["--config.data.name=folder", "--config.data.path=nowhere"]
    assert exit_status(*bad, "--config.method.temperature=1.0", "--config.optimizer.name=sdg") == 1
    printed = capsys.readouterr().out
    assert "nowhere" in printed and "warning: config.method.temperature=1.0" in printed
    assert "config.optimizer.name" in keys(printed) and len(keys(printed)) == 2


def test_values_out_of_range_are_listed_before_anything_else(capsys):
    assert exit_status("--config.batch_size=0") == 1
    assert keys(capsys.readouterr().out) == ["config.batch_size"]


def test_training_refuses_what_is_fatal_in_one_line(tmp_path):
    bad = ["--config.network.batch_norm_groups=64", f"--workdir={tmp_path}"]
    with refuses("config.batch_size", 64):
        main.main(["x", *TINY, *bad])
    assert not (tmp_path / "metrics.jsonl").exists()
