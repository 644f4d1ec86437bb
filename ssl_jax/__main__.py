"""python -m ssl_jax [COMMAND [FLAGS]], or ssl-jax: lists the commands, or runs one."""

import importlib
import os
import sys
from collections.abc import Sequence

from ssl_jax import __version__
from ssl_jax.command_line import run_command
from ssl_jax.command_line.commands import ALIASES, COMMANDS, overview
from ssl_jax.errors import UserError


def main() -> None:
    """Runs the command that sys.argv names."""
    console = os.path.basename(sys.argv[0]) == "ssl-jax"
    program = "ssl-jax" if console else "python -m ssl_jax"
    # As `python -m` does: configurations may name modules of the folder that one works in.
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(overview(program))
    elif name == "--version":
        print(__version__)
    else:
        run_command.run(lambda argv: _run(name, argv), [f"{program} {name}", *rest])


def _run(name: str, argv: Sequence[str]) -> None:
    name = ALIASES.get(name, name)
    if name not in COMMANDS:
        raise UserError(f"there is no command {name!r}; there are {', '.join(COMMANDS)}")
    importlib.import_module(f"ssl_jax.{name}").main(argv)


if __name__ == "__main__":
    main()
