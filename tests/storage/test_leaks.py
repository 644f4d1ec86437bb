"""Saving keeps nothing open: a run of any length ends with what its first saves needed."""

import os
import threading
from pathlib import Path

import pytest

from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, META, make_state


def held() -> tuple[int, int]:
    """Open descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


@pytest.mark.parametrize("saves", [8, pytest.param(400, marks=pytest.mark.slow)])
def test_saves_leave_no_descriptor_and_no_thread(saves: int, tmp_path: Path) -> None:
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, make_state(step), META)
        checkpoints.wait()
        before = held()
        for step in range(3, 3 + saves):
            checkpoints.save(step, make_state(step), META)
        checkpoints.wait()
        after = held()
    assert after[0] <= before[0] and after[1] <= before[1]


def test_reading_leaves_no_descriptor_and_no_thread(tmp_path: Path) -> None:
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, make_state(1), META)
    Checkpoints(tmp_path).restore(ABSTRACT)
    before = held()
    for _ in range(4):
        Checkpoints(tmp_path).restore(ABSTRACT)
        Checkpoints(tmp_path).arrays(lambda name: "kernel" in name)
        Checkpoints(tmp_path).latest()
    after = held()
    assert after[0] <= before[0] and after[1] <= before[1]
