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
from PIL import Image

from ssl_jax.encoder import file as encoder_file
from tests import tiny
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
    protocols = ("knn", "ridge", "moco_cached", "geometry", "finetune")
    found = []
    for run in (run_one, run_two):  # the same encoder
        run("ssl_jax.evaluate", f"--workdir={tmp_path}/one", f"--protocol={','.join(protocols)}")
        files = [tmp_path / "one" / "evaluations" / f"{name}-digits-128.json" for name in protocols]
        results = {
            name: json.loads(f.read_text()) for name, f in zip(protocols, files, strict=True)
        }
        found.append(results)
    one, two = found
    for name in ("knn", "ridge", "moco_cached"):
        assert two[name]["top1"] == one[name]["top1"], name
    for key in ("uniformity", "alignment", "effective_rank"):
        np.testing.assert_allclose(two["geometry"][key], one["geometry"][key], rtol=1e-4)
    assert two["geometry"]["nearest_neighbour_top1"] == one["geometry"]["nearest_neighbour_top1"]
    np.testing.assert_allclose(two["finetune"]["top1"], one["finetune"]["top1"], atol=0.02)


@pytest.mark.slow
def test_two_processes_embed_as_one(tmp_path):
    encoder = tiny.encoder()
    encoder_file.write(tmp_path / encoder_file.FILE, encoder.description, encoder.variables)
    photos = tmp_path / "photos"
    photos.mkdir()
    random = np.random.default_rng(0)
    for index in range(37):
        image = random.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(image).save(photos / f"{index:02}.png")
    (photos / "30.png").write_bytes(b"no image")
    rows = []
    for run, name in ((run_one, "one.npz"), (run_two, "two.npz")):
        flags = (f"--workdir={tmp_path}", f"--images={photos}", "--batch_size=16")
        run("ssl_jax.embed", *flags, f"--output={tmp_path / name}")
        with np.load(tmp_path / name) as file:
            rows.append((file["features"], file["paths"].tolist()))
    assert rows[0][1] == rows[1][1] and len(rows[0][1]) == 36
    np.testing.assert_allclose(rows[1][0], rows[0][0], rtol=1e-5, atol=1e-6)


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
