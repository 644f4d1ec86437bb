"""Two processes of four devices each train as one process of eight."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.test_main import ROOT, argv


def run(workdir, devices, *, count=1, index=0, port=0):
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": str(devices), "XLA_FLAGS": ""}
    if count > 1:
        environment |= {
            "SSL_JAX_DISTRIBUTED": "1",
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": str(count),
            "JAX_PROCESS_ID": str(index),
        }
    command = [sys.executable, "-m", "ssl_jax.main", *argv(workdir)[1:]]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*children):
    for child in children:
        _, errors = child.communicate(timeout=500)
        assert child.returncode == 0, errors


def losses(workdir: Path):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    finish(*[run(tmp_path / "two", 4, count=2, index=i, port=port) for i in range(2)])
    finish(run(tmp_path / "one", 8))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 6 and np.isfinite(one).all()
    np.testing.assert_allclose(two, one, rtol=1e-3)
    result = json.loads((tmp_path / "two" / "result.json").read_text())
    assert result["device"] == "8 x cpu" and result["steps"] == 12
