"""Two processes with four devices each train and evaluate like one process with eight."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.test_main import ROOT, argv


def start(command, devices, *, count=1, index=0, port=0):
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": str(devices), "XLA_FLAGS": ""}
    if count > 1:
        environment |= {
            "SSL_JAX_DISTRIBUTED": "1",
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": str(count),
            "JAX_PROCESS_ID": str(index),
        }
    command = [sys.executable, "-m", *command]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def run_one(*command):
    finish(start(command, 8))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run_two(*command):
    port = free_port()
    finish(*[start(command, 4, count=2, index=index, port=port) for index in range(2)])


def finish(*children):
    for child in children:
        _, errors = child.communicate(timeout=500)
        assert child.returncode == 0, errors


def losses(workdir: Path):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.mark.slow
def test_two_processes_train_and_evaluate_as_one(tmp_path):
    for run, name in ((run_one, "one"), (run_two, "two")):
        run("ssl_jax.main", *argv(tmp_path / name)[1:])
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 6 and np.isfinite(one).all()
    np.testing.assert_allclose(two, one, rtol=1e-3)
    result = json.loads((tmp_path / "two" / "result.json").read_text())
    assert result["device"] == "8 x cpu" and result["steps"] == 12
    protocols = ("knn", "finetune")
    found = []
    for run in (run_one, run_two):  # the same encoder
        run("ssl_jax.evaluate", f"--workdir={tmp_path}/one", f"--protocol={','.join(protocols)}")
        files = [tmp_path / "one" / "evaluations" / f"{name}-digits-128.json" for name in protocols]
        found.append([json.loads(file.read_text())["top1"] for file in files])
    np.testing.assert_allclose(found[1], found[0], atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("refused", [0, 1])
def test_a_process_that_is_refused_ends_the_other_with_its_message(tmp_path, refused):
    port = free_port()
    commands = [["ssl_jax.main", *argv(tmp_path / "run")[1:]] for _ in range(2)]
    commands[refused].append("--config.data.limit=99999")
    children = [
        start(command, 4, count=2, index=i, port=port) for i, command in enumerate(commands)
    ]
    errors = [child.communicate(timeout=500)[1] for child in children]
    assert [child.returncode for child in children] == [1, 1], errors
    message = (
        "config.data.limit=99999 must be 0 (all) or at most 1221, the number of training images"
    )
    assert errors[refused] == f"error: {message}\n"
    assert errors[1 - refused] == f"error: process {refused} failed: {message}\n"


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_other_within_a_minute(tmp_path):
    port = free_port()
    command = ["ssl_jax.main", *argv(tmp_path / "run", "--config.epochs=1000000")[1:]]
    first, second = (start(command, 4, count=2, index=i, port=port) for i in range(2))
    log = tmp_path / "run" / "metrics.jsonl"
    while first.poll() is None and not (log.exists() and log.read_text()):
        time.sleep(0.1)
    second.kill()
    second.communicate()
    _, errors = first.communicate(timeout=60)
    # In some operations XLA itself aborts the process before.
    assert first.returncode in (1, -signal.SIGABRT)
    if first.returncode == 1:
        assert errors == "error: process 1 has given no sign of life for 30 s\n"
