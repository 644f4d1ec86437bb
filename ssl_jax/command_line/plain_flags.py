"""The flags of commands without a configuration."""

import argparse
from pathlib import Path
from typing import NoReturn

from ssl_jax import __version__
from ssl_jax.errors import UsageError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as for everything that the user can fix."""
        raise UsageError(f"{message}; see {self.prog} --help")


def parser(program: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of a command.

    Args:
      program: how it is called, as "python -m ssl_jax.evaluate".
      description: the docstring of its module.
    """
    made = _Parser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # For --help only: `run_command` takes it out of the arguments.
    about = "compile everything anew, and keep no compiled program"
    made.add_argument("--no_cache", action="store_true", help=about)
    made.add_argument("--version", action="version", version=__version__)
    return made


def path(text: str) -> Path:
    """A flag that names a file or a folder; no shell puts the home folder for ~ behind a "="."""
    return Path(text).expanduser()
