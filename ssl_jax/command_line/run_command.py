"""Running a command: one line and an exit code for everything that a user can fix."""

import contextlib
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import flags

from ssl_jax.command_line.compiled_programs import keep_compiled
from ssl_jax.command_line.echoes import silence_echoes
from ssl_jax.command_line.interrupts import Interrupts, Terminated
from ssl_jax.errors import UsageError, UserError, printable

TERMINATED = 143  # 128 + SIGTERM, as shells have it


def run(
    command: Callable[[Sequence[str]], None],
    argv: Sequence[str] | None = None,
    *,
    terminated: int = TERMINATED,
) -> NoReturn:
    """Runs a command on `argv`, by default sys.argv, and exits.

    The exit code is 0; 1 after one line on what the user can fix, or what the system refuses; 2
    after one on a command line that cannot be understood; 130 after Ctrl-C; `terminated` after
    SIGTERM; or 141 once nobody reads what the command prints.
    """
    argv = keep_compiled(sys.argv if argv is None else argv)
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names need not be Unicode
    # Grain's worker processes refuse to start while absl's own flags are not parsed.
    flags.FLAGS(argv[:1])
    silence_echoes()
    code = _ended(command, argv, terminated)
    # From here on Python only ends, and would answer Ctrl-C with a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code and os.environ.get("SSL_JAX_DISTRIBUTED"):
        # jax would wait for the other processes, which end as well, and then abort.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _ended(command: Callable[[Sequence[str]], None], argv: Sequence[str], terminated: int) -> int:
    """The exit code of a command that has ended."""
    interrupts = Interrupts(terminated)
    try:
        with interrupts:
            command(argv)
            sys.stdout.flush()
            return 0
    except UserError as error:
        _complain(f"error: {error}")
        return 2 if isinstance(error, UsageError) else 1
    except (KeyboardInterrupt, Terminated) as stop:
        interrupted = isinstance(stop, KeyboardInterrupt)
        line, code = interrupts.end(signal.SIGINT if interrupted else signal.SIGTERM)
        _complain(line)
        return code
    except OSError as error:
        return _refused_by_system(error)
    except Exception as error:
        return _unforeseen(error)


def _refused_by_system(error: OSError) -> int:
    """A full disk or too many open files, which may strike anywhere; or a reader who has gone."""
    if isinstance(error, BrokenPipeError) and _reader_has_gone():
        # As `head`, which has seen enough; what Python still holds back would fail again later.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    if error.errno is None:
        return _unforeseen(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    _complain(f"error: {where}{error.strerror}")
    return 1


def _reader_has_gone() -> bool:
    with contextlib.suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(found & select.POLLERR for _, found in poll.poll(0))
    return False


def _unforeseen(error: Exception) -> int:
    if _without_device(error):
        platforms = os.environ["JAX_PLATFORMS"]
        _complain(
            f"error: JAX_PLATFORMS={platforms} names no device that jax finds here; unset it to "
            "use what there is, or install jax for it, as pip install -U 'jax[cuda13]'"
        )
        return 1
    with contextlib.suppress(OSError):
        traceback.print_exception(error)
    return 1


def _without_device(error: Exception) -> bool:
    """Whether jax found no device of the platforms that it was told to use."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    raised_by = last[0].filename if last else ""
    return "JAX_PLATFORMS" in os.environ and raised_by.endswith("xla_bridge.py")


def _open_missing_streams() -> None:
    """A stream that the shell closed, as by `>&-`: the next file would get its descriptor."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _complain(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody may be reading
        print(printable(line), file=sys.stderr, flush=True)
