"""A process that is killed during a save loses only that checkpoint."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, refuse

# Killed at three moments of the second save: while arrays are being written; when everything is
# written; when everything is written and hashed, but not committed.
KILLED = """
import sys
import jax.numpy as jnp, numpy as np
from ssl_jax.storage import integrity
from ssl_jax.storage.checkpoint import Checkpoints

directory, moment = sys.argv[1:]

def stop_at(here):
    if here == moment:
        print("now", flush=True)
        sys.stdin.read()

write_file_digests = integrity.write_file_digests

def stopping(folder):
    second = folder.name.startswith("2.")
    if second:
        stop_at("written")
    write_file_digests(folder)
    if second:
        stop_at("hashed")

integrity.write_file_digests = stopping
checkpoints = Checkpoints(directory, keep=1)
for step in (1, 2):
    values = np.random.default_rng(step).normal(size=(2048, 1024))
    checkpoints.save(step, {"w": jnp.asarray(values, jnp.float32)}, {"step": step})
    if step == 1:
        checkpoints.wait()
stop_at("writing")
checkpoints.close()
"""


def test_a_kill_during_a_save_loses_only_that_save(tmp_path: Path) -> None:
    moments = ("writing", "written", "hashed")
    killed = {
        moment: subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / moment), moment],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "JAX_NUM_CPU_DEVICES": "1"},
        )
        for moment in moments
    }
    for moment, process in killed.items():
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"now\n"
            process.kill()
        assert process.returncode == -9
        needed = {
            "w": jax.ShapeDtypeStruct(
                (2048, 1024), jnp.float32, sharding=ABSTRACT["flags"].sharding
            )
        }
        with Checkpoints(tmp_path / moment, keep=1, report=refuse) as checkpoints:
            restored = checkpoints.restore(needed)
            assert restored is not None
            # A checkpoint that is being written may be complete before the signal arrives.
            assert restored.step == 1 or moment == "writing"
            assert restored.meta == {"step": restored.step}
            values = np.random.default_rng(restored.step).normal(size=(2048, 1024))
            np.testing.assert_array_equal(restored.state["w"], values.astype(np.float32))
            checkpoints.save(3, restored.state, {})
        assert os.listdir(tmp_path / moment) == ["3"]  # and nothing temporary
