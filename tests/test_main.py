"""The whole command on real digits, as small as it goes: files, resume, kills, wrong input."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from ssl_jax import main
from ssl_jax.errors import UserError
from ssl_jax.evaluation import final_evaluation
from ssl_jax.training import step, trainer
from ssl_jax.training.metrics_log import MetricsLog
from tests.launch.stubbed_site import load_script
from tests.refusals import refuses

ROOT = Path(__file__).parent.parent
TINY = [
    "--config.data.limit=128",
    "--config.batch_size=32",
    "--config.epochs=3",
    "--config.network.width=4",
    "--config.network.stages=(1,1)",
    "--config.method.hidden=8",
    "--config.method.out=8",
    "--config.augment.view0.size=8",
    "--config.augment.view1.size=8",
    "--config.log_every_steps=2",
    "--config.checkpoint_every_epochs=1",
    "--config.probe_every_epochs=2",
    "--config.optimizer.warmup_epochs=1",
]


def argv(workdir, *more):
    return ["ssl_jax", "--config=configs/ba_moco.py", f"--workdir={workdir}", *TINY, *more]


def train(workdir, *more):
    main.main(argv(workdir, *more))
    path = Path(workdir) / "result.json"
    return json.loads(path.read_text()) if path.exists() else None


def metrics(workdir):
    return [json.loads(line) for line in (Path(workdir) / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(autouse=True)
def from_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    # One device: what is bit for bit, is so on one.
    devices = jax.devices()[:1]
    monkeypatch.setattr("ssl_jax.devices.sharding.jax.devices", lambda: devices)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        devices = jax.devices()[:1]
        patch.setattr("ssl_jax.devices.sharding.jax.devices", lambda: devices)
        folder = tmp_path_factory.mktemp("whole")
        return folder, train(folder)


def test_a_run_leaves_what_scripts_rely_on(whole):
    folder, result = whole
    assert result["steps"] == 3 * 4
    assert result["seconds"] > 0 and result["images_per_second"] > 0
    assert result["config"]["batch_size"] == 32 and result["config"]["data"]["name"] == "digits"
    assert len(result["digest"]) == 64 and result["device"]
    for who in ("trained", "untrained", "pixels"):
        for figure in ("knn_top1", "linear_top1"):
            assert 0.1 < result["evaluation"][who][figure] <= 1.0
    assert result["evaluation"]["protocol"]
    # Twelve steps teach nothing, and that is said.
    assert "is outside the range of a healthy run, 0 to 2.773" in result["warnings"][0]
    assert (folder / "curves.png").stat().st_size > 10_000
    lines = metrics(folder)
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert all(np.isfinite(line["loss"]) for line in lines)
    assert {"knn_top1", "feature_std_ratio", "effective_rank"} <= set(lines[3])
    assert list(folder.glob("events/events.out.tfevents*"))


def test_the_same_command_again_trains_nothing(whole, capsys):
    folder, result = whole
    before = (folder / "metrics.jsonl").read_bytes()
    assert train(folder) == result
    assert "finished" in capsys.readouterr().out
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_only_epochs_may_differ_and_only_be_raised(whole):
    folder, result = whole
    old = result["config"]
    line = (
        f"{folder} was trained with config.learning_rate={old['learning_rate']}, not 0.5, "
        f"config.optimizer.momentum={old['optimizer']['momentum']}, not 0.8; choose another "
        "--workdir, or restore the old values"
    )
    with pytest.raises(UserError, match=re.escape(line)):
        train(folder, "--config.learning_rate=0.5", "--config.optimizer.momentum=0.8")
    with pytest.raises(UserError, match="only be raised"):
        train(folder, "--config.epochs=2")


def test_stopped_by_sigterm_and_resumed_equals_uninterrupted(whole, tmp_path, monkeypatch, capsys):
    folder, result = whole
    write = MetricsLog.write

    def write_and_ask(self, step, values):
        write(self, step, values)
        if step == 6:  # not a step that would be saved
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(MetricsLog, "write", write_and_ask)
    assert train(tmp_path) is None
    assert "stopped and saved at step 7" in capsys.readouterr().out
    monkeypatch.setattr(MetricsLog, "write", write)
    resumed = train(tmp_path)
    assert "resuming from step 7" in capsys.readouterr().out
    assert resumed["digest"] == result["digest"]
    assert resumed["evaluation"] == result["evaluation"]
    losses = {line["step"]: line["loss"] for line in metrics(tmp_path)}
    expected = {line["step"]: line["loss"] for line in metrics(folder)}
    assert losses[12] == expected[12] and losses[10] == expected[10]


def test_epochs_can_be_raised(whole, tmp_path, capsys):
    assert train(tmp_path, "--config.epochs=1")["steps"] == 4
    first = metrics(tmp_path)
    with pytest.raises(UserError, match="planned for 1 epochs.*--extend=constant|restart|rewind"):
        train(tmp_path, "--config.epochs=2")
    raised = train(tmp_path, "--config.epochs=2", "--extend=restart")
    assert raised["steps"] == 8 and raised["config"]["epochs"] == 2
    assert raised["extensions"] == [{"step": 4, "before": 1, "after": 2, "way": "restart"}]
    said = capsys.readouterr().out
    assert "raised from 1 to 2 epochs at step 4, --extend=restart: learning rate" in said
    assert "resuming from step 4" in said
    assert metrics(tmp_path)[: len(first)] == first


KILLED = """
import os, signal, sys
import jax
from ssl_jax import main
from ssl_jax.storage.checkpoint import Checkpoints
devices = jax.devices()[:1]
jax.devices = lambda: devices
save = Checkpoints.save
def save_and_die(self, step, *rest):
    save(self, step, *rest)
    if step == 8:
        os.kill(os.getpid(), signal.SIGKILL)  # the save of step 8 is under way
Checkpoints.save = save_and_die
main.main(sys.argv)
"""


def test_killed_during_a_save_and_resumed_equals_uninterrupted(whole, tmp_path, capsys):
    _, result = whole
    child = subprocess.run(
        [sys.executable, "-c", KILLED, *argv(tmp_path)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert metrics(tmp_path)[-1]["step"] == 8
    resumed = train(tmp_path)
    said = capsys.readouterr().out
    assert "resuming from step 4" in said or "resuming from step 8" in said
    assert resumed["digest"] == result["digest"]
    assert [line["step"] for line in metrics(tmp_path)] == [2, 4, 6, 8, 10, 12]


def test_a_loss_that_is_not_finite_ends_with_the_step_and_the_last_good_checkpoint(
    tmp_path, monkeypatch
):
    def poisoned(*, schedule, **parts):
        clean = step.make_train_step(schedule=schedule, **parts)

        def train_step(state, batch):
            state, seen = clean(state, batch)
            return state, {**seen, "loss": jax.numpy.where(state.step == 6, np.nan, seen["loss"])}

        return train_step

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "make_train_step", poisoned)
        with pytest.raises(UserError, match="not finite at step 6; checkpoint 4 is good"):
            train(tmp_path)
    assert train(tmp_path)["steps"] == 12


def test_a_device_without_enough_memory_is_said_in_one_line(tmp_path, monkeypatch):
    def advance(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")

    monkeypatch.setattr("ssl_jax.training.compiled_step.CompiledStep.__call__", advance)
    with pytest.raises(UserError, match="not enough memory for a step: lower config.batch_size"):
        train(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", 2000),
        ("fusion.group_size", 24),
        ("fusion.patch_size", 3),
        ("method.name", "mocov3"),
        ("network.name", "resnet1"),
        ("data.name", "digts"),
        ("data.pipeline", "grains"),
        ("optimizer.name", "sdg"),
        ("fusion.views", (2,)),
        ("augment.view0.hue", 0.1),
        ("epochs", 0),
        ("fusion.patch_size", 0),
        ("method.out", 0),
        ("seed", -1),
        ("network.dtype", "float23"),
        ("network.std", (0.0,)),
        ("augment.view0.crop_scale", (0.2,)),
        ("evaluation.crop", 2.0),
    ],
)
def test_what_cannot_work_is_refused_before_training(tmp_path, key, value):
    with refuses(f"config.{key}", value):
        train(tmp_path / "run", f"--config.{key}={value}")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("--config.method.name=simclr", "is no option of simclr; it has hidden"),
        ("--config.data.name=folder", "path"),
        ("--config.network.stages=abc", "stages"),
        ("--config.data.limit=99999", "limit"),
    ],
)
def test_what_cannot_work_is_one_line(tmp_path, change, message):
    with pytest.raises(UserError, match=message) as caught:
        train(tmp_path / "run", change)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be created"):
        train(tmp_path / "file" / "run")


def test_evaluate_repeats_the_result(whole, tmp_path, capsys):
    from ssl_jax import evaluate

    folder, result = whole
    evaluate.main(["x", f"--workdir={folder}"])
    said = capsys.readouterr().out
    for protocol, key in (("knn", "knn"), ("ridge", "linear")):
        again = json.loads((folder / "evaluations" / f"{protocol}-digits-128.json").read_text())
        assert again["top1"] == result["evaluation"]["trained"][f"{key}_top1"]
        assert again["protocol"] == protocol and again["step"] == 12
        assert f"{protocol} on digits-128: top-1 {again['top1']:.2%}" in said
    with pytest.raises(UserError, match="holds no encoder"):
        evaluate.main(["x", f"--workdir={tmp_path}"])
    with pytest.raises(UserError, match="--protocol=sgd: there are knn, ridge"):
        evaluate.main(["x", f"--workdir={folder}", "--protocol=knn,sgd"])


def test_an_evaluation_that_fails_costs_nothing_but_itself(tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        stored = json.loads((tmp_path / "result.json").read_text())
        assert stored["digest"] and stored["evaluated"] == ["knn"]
        assert "knn_top1" in stored["evaluation"]["trained"]
        raise MemoryError

    finished = load_script("finished").finished
    flags = ("--config.epochs=1", "--config.evaluation.pixels=never")
    with monkeypatch.context() as patch:
        patch.setitem(final_evaluation.METRICS, "ridge", fail)
        with pytest.raises(
            UserError, match=r"more memory.*dtype=bfloat16.*the same command goes on"
        ):
            train(tmp_path, *flags)
        assert not finished(tmp_path)
        patch.setitem(final_evaluation.METRICS, "knn", fail)  # is not run again
        with pytest.raises(UserError, match="the training is complete"):
            train(tmp_path, *flags, "--config.evaluation.dtype=bfloat16")
    trained = (tmp_path / "metrics.jsonl").read_bytes()
    result = train(tmp_path, *flags)
    assert finished(tmp_path) and (tmp_path / "metrics.jsonl").read_bytes() == trained
    assert result["evaluated"] == ["knn", "ridge"]
    assert set(result["evaluation"]) == {"trained", "untrained", "protocol"}
    for scores in (result["evaluation"]["trained"], result["evaluation"]["untrained"]):
        assert {"knn_top1", "linear_top1"} <= set(scores)
    capsys.readouterr()
    assert train(tmp_path, *flags) == result  # nothing is left to do
    assert "raw pixels" not in capsys.readouterr().out


def test_protocols_at_the_end_are_those_of_the_configuration(tmp_path, capsys):
    result = train(tmp_path, "--config.epochs=1", "--config.evaluation.at_end=()")
    assert (result["evaluation"], result["evaluated"]) == (None, [])
    assert "config.evaluation.at_end" in capsys.readouterr().out
    chosen = "--config.evaluation.at_end=('knn', 'geometry')"
    result = train(tmp_path, "--config.epochs=1", chosen)
    assert result["evaluated"] == ["knn", "geometry"] and result["steps"] == 4
    assert set(result["evaluation"]["pixels"]) == {"knn", "knn_top1", "knn_top5"}
    (file,) = (tmp_path / "evaluations").glob("*.json")
    found = json.loads(file.read_text())
    assert found["protocol"] == "geometry" and found["data"] == "digits-128"
    assert found["step"] == 4 and "uniformity" in found
    with refuses("config.evaluation.at_end"):
        train(tmp_path, "--config.epochs=1", "--config.evaluation.at_end=('knn', 'rigde')")
