"""The real program, with jax's own detection of Slurm: stopped, requeued and finished."""

import json
import signal
import socket
import sys

import pytest

from tests.test_main import argv


def job_number():
    """A job number for which the port that jax derives from it is free."""
    for number in range(4096):
        with socket.socket() as free:
            if free.connect_ex(("127.0.0.1", 61440 + number)):
                return str(number)
    raise OSError("no port is free")


@pytest.mark.slow
def test_stopped_and_requeued_by_slurm_equals_uninterrupted_by_hand(site, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    site.environment["PYTHONUNBUFFERED"] = "1"
    by_hand = [sys.executable, "launch/processes.py", "--local=2x4"]
    code, out, errors = site.run(*by_hand, *argv(one)[1:])
    assert code == 0 and "written: " in out, errors

    site.slurm(SLURM_JOB_ID=job_number(), SLURM_CPUS_PER_TASK="1", TASKS="2")
    virtual = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "4"}
    command, more = (
        ["bash", "launch/slurm.sh", *argv(two)[1:]],
        {"PYTHON": sys.executable, **virtual},
    )
    batch = site.start(*command, **more)
    while "compiling" not in (line := batch.stdout.readline()):
        assert line, batch.stderr.read()
    batch.send_signal(signal.SIGTERM)
    out, errors = batch.communicate(timeout=500)
    assert batch.returncode == 0 and "saved at step 2;" in out, errors
    assert len(site.calls("scontrol")) == 1
    code, out, errors = site.run(*command, **more)
    assert code == 0 and "resuming from step 2" in out, errors
    assert len(site.calls("scontrol")) == 1

    results = [json.loads((folder / "result.json").read_text()) for folder in (one, two)]
    assert results[0]["device"] == results[1]["device"] == "8 x cpu"
    assert results[0]["digest"] == results[1]["digest"]
