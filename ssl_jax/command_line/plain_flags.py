"""The flags of commands without a configuration."""

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from ssl_jax import __version__
from ssl_jax.errors import UsageError
from ssl_jax.options.judge import Option, broken_rule


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


def within(flag: str, kind: Any) -> Callable[[str], Any]:
    """The type of a flag for numbers, with their range; see `options.kinds`.

    Raises:
      UsageError: from the type, in one line, for whatever else the flag has.
    """

    def parse(text: str) -> Any:
        value: Any = text
        for number in (int, float):
            with contextlib.suppress(ValueError):
                value = number(text)
                break
        if rule := broken_rule(Option(kind, None), value):
            raise UsageError(f"--{flag}={text} {rule}")
        return value

    return parse


def all_within(flag: str, kind: Any) -> Callable[[str], tuple[Any, ...]]:
    """The same for numbers between commas."""
    parse = within(flag, kind)
    return lambda text: tuple(parse(part) for part in text.split(","))


def path(text: str) -> Path:
    """A flag that names a file or a folder; no shell puts the home folder for ~ behind a "="."""
    return Path(text).expanduser()
