"""A sitting of a command: a forked process that has imported everything, but not yet begun.

A sitting that is forked costs a third of one that is started, and what is to go wrong in it is a
function that it calls first.
"""

import multiprocessing.util
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DEADLINE = 300.0  # seconds after which a sitting is taken to hang


def import_everything() -> None:
    """What the commands import; jax must not start its threads before the fork."""
    import ssl_jax.embedding.embed
    import ssl_jax.encoder.load
    import ssl_jax.evaluate
    import ssl_jax.export
    import ssl_jax.formats.parts.write
    import ssl_jax.run.evaluate
    import ssl_jax.run.train  # noqa: F401


class Sitting:
    """A running command.

    Args:
      module: of the command, such as "main".
      flags: of the command.
      log: file for its output; its errors go to the same name with .err.
      before: what the process does first, such as to break a function.
      environment: variables, in addition.
    """

    def __init__(
        self,
        module: str,
        flags: Sequence[str],
        log: Path,
        before: Callable[[], Any] = lambda: None,
        environment: dict[str, str] | None = None,
    ):
        self.log, self.errors_file = log, log.with_suffix(".err")
        self.code: int | None = None
        log.touch()
        self.errors_file.touch()
        self.pid = os.fork()
        if self.pid == 0:
            self._run(module, flags, before, environment or {})

    def _run(
        self, module: str, flags: Sequence[str], before: Callable[[], Any], environment: dict
    ) -> None:
        code = 70
        try:
            os.setsid()
            os.environ.update(environment)
            for number, file in ((1, self.log), (2, self.errors_file)):
                os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
            before()
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
            code = self._command(module, flags)
            # As multiprocessing's own forks do, which end by `os._exit` as well.
            multiprocessing.util._exit_function()  # type: ignore[attr-defined]
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _command(self, module: str, flags: Sequence[str]) -> int:
        import importlib

        from ssl_jax.command_line import run_command

        try:
            command = importlib.import_module(f"ssl_jax.{module}").main
            run_command.run(command, [f"ssl_jax.{module}", *flags])
        except SystemExit as exit:
            return exit.code if isinstance(exit.code, int) else 1

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def until(self, happened: Callable[[], bool]) -> bool:
        """Waits until something is seen; False if the sitting ends before."""
        deadline = time.monotonic() + DEADLINE
        while not happened():
            if self.poll() is not None:
                return False
            if time.monotonic() > deadline:
                os.killpg(self.pid, signal.SIGKILL)
                raise AssertionError(f"hangs: {self.said()[-300:]}")
            time.sleep(0.005)
        return True

    def wait(self) -> int:
        """Its exit code once it has ended."""
        self.until(lambda: self.poll() is not None)
        assert self.code is not None
        return self.code

    def send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def errors(self) -> str:
        return self.errors_file.read_text(errors="replace")
