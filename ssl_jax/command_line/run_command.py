"""Running a command: one line and an exit code for everything that a user can fix."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import flags

from ssl_jax.errors import UserError


def run(command: Callable[[Sequence[str]], None], argv: Sequence[str] | None = None) -> NoReturn:
    """Runs a command on `argv`, by default sys.argv, and exits.

    The exit code is 0; 1 after one line on what the user can fix; 130 after Ctrl-C; or 141 once
    nobody reads what the command prints.
    """
    argv = sys.argv if argv is None else argv
    # Grain's worker processes refuse to start while absl's own flags are not parsed.
    flags.FLAGS(argv[:1])
    try:
        command(argv)
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Who reads the output, as `head`, has seen enough; what Python still holds back of it
        # would fail again on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(0)
