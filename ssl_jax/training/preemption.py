"""Graceful stop: SIGTERM, Ctrl-C and the end of the terminal end a run after a save."""

import signal
import threading
from types import FrameType
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Preemption:
    """Whether a run was asked to stop; a context manager.

    Between `hold` and `release` a signal is remembered, so that the run can save; a second Ctrl-C
    then has its usual effect, while a second SIGTERM, as schedulers send it, has none. At other
    times a signal has its usual effect at once, because it costs nothing that was trained. Several
    processes must stop at the same step, so they remember signals from the start.

    Enter it after `jax.distributed.initialize`, which installs its own handler.
    """

    def __init__(self) -> None:
        self._asked = False
        self._old: dict[int, Any] = {}

    def asked(self) -> bool:
        """Whether this process was asked to stop."""
        return self._asked

    def asked_anywhere(self) -> bool:
        """Whether any process was asked to stop; all processes must call this at the same step."""
        if jax.process_count() == 1:
            return self._asked
        return bool(multihost_utils.process_allgather(np.asarray(self._asked)).any())

    def hold(self) -> None:
        """From now on a stop must be preceded by a save."""
        # Python has signals in its main thread only.
        if self._old or threading.current_thread() is not threading.main_thread():
            return
        # `nohup` lets a run outlive its terminal.
        wanted = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        self._old = {number: signal.signal(number, self._remember) for number in wanted}

    def release(self) -> None:
        """Everything trained is saved: from now on a signal has its usual effect."""
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._old = {}

    def __enter__(self) -> "Preemption":
        if jax.process_count() > 1:
            self.hold()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if signal.SIGINT in self._old:
            signal.signal(signal.SIGINT, self._old.pop(signal.SIGINT))
