"""What a signal costs, by the moment at which it arrives."""

import json
import os
import shutil
import signal
import threading

import pytest

from ssl_jax.run.result import is_complete
from ssl_jax.training.compiled_step import CompiledStep
from ssl_jax.training.preemption import Preemption
from ssl_jax.training.progress import Progress
from tests.test_main import from_root, metrics, train, whole  # noqa: F401


def interrupt(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)


def test_before_the_first_step_a_signal_ends_the_run_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(CompiledStep, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    assert not (tmp_path / "checkpoints").exists() and metrics(tmp_path) == []


def test_while_the_trained_encoder_is_evaluated_too_and_nothing_is_trained_again(
    whole,  # noqa: F811
    tmp_path,
    monkeypatch,
    capsys,
):
    run, result = tmp_path / "run", whole[1]
    shutil.copytree(whole[0], run)
    (run / "result.json").unlink()
    monkeypatch.setattr(CompiledStep, "__call__", None)
    with monkeypatch.context() as patch:
        patch.setattr("ssl_jax.run.result.compare_encoders", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(run)
    # Written before the evaluation, and completed by it.
    assert not is_complete(json.loads((run / "result.json").read_text()))
    assert train(run)["digest"] == result["digest"]
    assert "resuming from step 12" in capsys.readouterr().out


def test_what_cannot_be_printed_costs_no_step(tmp_path, monkeypatch, capsys):
    def broken(self, step, values):
        raise BrokenPipeError

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "update", broken)
        # The first line is printed after two steps; a save is due after four.
        patch.setattr("ssl_jax.training.loop._intervals", lambda plan: (4, 0, 4))
        with pytest.raises(BrokenPipeError):
            train(tmp_path)
    train(tmp_path)
    assert "resuming from step 4" in capsys.readouterr().out


@pytest.fixture
def ignored():
    """Signals of this test process, ignored for the time of a test, as `nohup` ignores SIGHUP."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    old = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield lambda number: signal.signal(number, signal.SIG_IGN)
    for number, handler in old.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_between_hold_and_release_a_signal_is_remembered(number, ignored):
    with Preemption() as preemption:
        preemption.hold()
        assert not preemption.asked()
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)  # schedulers repeat it
        assert preemption.asked() and preemption.asked_anywhere()
        # Whoever presses Ctrl-C again does not want to wait.
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        preemption.release()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_run_under_nohup_outlives_its_terminal(ignored):
    ignored(signal.SIGHUP)
    with Preemption() as preemption:
        preemption.hold()
        os.kill(os.getpid(), signal.SIGHUP)
        assert not preemption.asked()


def test_in_another_thread_signals_are_left_alone(ignored):
    with Preemption() as preemption:
        thread = threading.Thread(target=preemption.hold)
        thread.start()
        thread.join()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
