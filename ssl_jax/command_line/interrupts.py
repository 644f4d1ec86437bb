"""Ctrl-C and SIGTERM while a command runs: obeyed at once, even inside a compilation of minutes.

Python calls signal handlers between two of its own instructions, so compiled code holds them back.
A thread therefore reads the numbers of the signals as well, and ends the process where that takes
too long.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

STUCK = 1.0  # seconds until the main thread must have seen a signal
UNWINDING = 10.0  # seconds that a command then has to put things in order


class Terminated(BaseException):
    """SIGTERM, as KeyboardInterrupt is Ctrl-C."""


RAISED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
LINES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Interrupts:
    """Obeys Ctrl-C and SIGTERM in the main thread of a command; a context manager.

    The first one raises KeyboardInterrupt or `Terminated`, and ends the process itself where the
    main thread does not see it in time or does not come to an end. A part of a command that must
    save first installs a handler of its own. A second Ctrl-C always ends the process at once.

    Args:
      terminated: exit code after SIGTERM.
    """

    def __init__(self, terminated: int):
        self._codes = {signal.SIGINT: 130, signal.SIGTERM: terminated}
        self._raised = threading.Event()
        self._ending = threading.Lock()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def end(self, number: int) -> tuple[str, int]:
        """The line and the exit code of a command that this signal ends; does not return twice."""
        if not self._ending.acquire(blocking=False):
            threading.Event().wait()  # another thread is ending the process
        return LINES[signal.Signals(number)], self._codes[signal.Signals(number)]

    def __enter__(self) -> "Interrupts":
        self._old: dict[int, Any] = {n: signal.signal(n, self._raise) for n in RAISED}
        self._old_descriptor = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old_hook, sys.unraisablehook = sys.unraisablehook, self._swallowed
        os.register_at_fork(after_in_child=self._restore)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        os.close(self._write)  # which ends the thread
        self._thread.join()
        os.close(self._read)

    def _restore(self) -> None:
        """Gives the signals back; also in a forked child, whose signals are not the command's."""
        old, self._old = self._old, {}
        if old:
            signal.set_wakeup_fd(self._old_descriptor)
            sys.unraisablehook = self._old_hook
        for number, handler in old.items():
            signal.signal(number, handler)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self._raised.set()
        raise RAISED[signal.Signals(number)]

    def _swallowed(self, found: "sys.UnraisableHookArgs") -> None:
        """What is raised in a destructor or while garbage is collected goes no further."""
        for number, kind in RAISED.items():
            if self._raised.is_set() and found.exc_type is kind:
                self._leave(number)
        self._old_hook(found)

    def _watch(self) -> None:
        seen, patience = 0, None
        while True:
            if not select.select([self._read], [], [], patience)[0]:
                if patience == UNWINDING or not self._raised.is_set():
                    self._leave(seen)
                patience = UNWINDING
                continue
            number = int.from_bytes(os.read(self._read, 1))
            if not number:
                return
            if number not in RAISED:
                continue
            if seen and number == signal.SIGINT:
                self._leave(number)
            if patience is None and signal.getsignal(number) == self._raise:
                patience = STUCK
            seen = number

    def _leave(self, number: int) -> NoReturn:
        line, code = self.end(number)
        with contextlib.suppress(OSError):
            os.write(2, f"{line}\n".encode())
        os._exit(code)
