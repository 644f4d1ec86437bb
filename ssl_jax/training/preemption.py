"""Graceful stop: SIGTERM and Ctrl-C end a run after its current step, with a save."""

import signal
from types import FrameType

import jax
import numpy as np
from jax.experimental import multihost_utils

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
    """A context manager that records a SIGTERM or SIGINT; a second signal has its usual effect.

    Enter it after `jax.distributed.initialize`, which installs its own handler.
    """

    def __init__(self) -> None:
        self._asked = False
        self._old: dict[int, object] = {}

    def asked(self) -> bool:
        """Whether this process was asked to stop."""
        return self._asked

    def asked_anywhere(self) -> bool:
        """Whether any process was asked to stop; all processes must call this at the same step."""
        if jax.process_count() == 1:
            return self._asked
        return bool(multihost_utils.process_allgather(np.asarray(self._asked)).any())

    def __enter__(self) -> "Preemption":
        self._old = {number: signal.signal(number, self._remember) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._old = {}
