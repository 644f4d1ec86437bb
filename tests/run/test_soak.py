"""A long run ends with the descriptors, threads and memory that it had in the beginning."""

import os
import threading
from pathlib import Path
from typing import Any

import jax
import pytest

from ssl_jax.storage.checkpoint import Checkpoints
from tests.test_main import ROOT, train


def held() -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": int(status["Threads"]),
        "python threads": threading.active_count(),
        "MB": int(status["VmRSS"].split()[0]) / 1e3,
    }


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["device", "grain"])
def test_three_thousand_steps_and_a_hundred_saves(
    pipeline: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    devices = jax.devices()[:1]
    monkeypatch.setattr("ssl_jax.devices.sharding.jax.devices", lambda: devices)
    seen: dict[int, dict[str, float]] = {}
    save = Checkpoints.save

    def save_and_look(self: Checkpoints, step: int, *rest: Any) -> None:
        self.wait()
        seen[step] = held()
        save(self, step, *rest)

    monkeypatch.setattr(Checkpoints, "save", save_and_look)
    flags = ["data.limit=64", "batch_size=32", "epochs=1500", "checkpoint_every_epochs=15"]
    flags += ["probe_every_epochs=0", "log_every_steps=30", f"data.pipeline={pipeline}"]
    assert train(tmp_path, *(f"--config.{flag}" for flag in flags))["steps"] == 3000
    assert len(seen) == 100
    # Step 120 has seen the first saves; XLA and allocators keep some memory of their own.
    for name, value in seen[3000].items():
        slack = 60 if name == "MB" else 0
        assert value <= seen[120][name] + slack, (name, seen[120], seen[3000])
