"""What is wrong, as data and as the one exception that a user can fix."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

# A whole number in a configuration is as good as a fraction.
Number = float | int
# The worst first. A note is worth knowing and no mistake.
LEVELS = ("fatal", "warning", "note")


class Problem(NamedTuple):
    """Something wrong with one value; a component lists those of its own arguments.

    key: name of the argument; in a configuration its dotted path, as "config.optimizer.name". What
      is not an argument of the component, as the batch of a method, is "/batch_size".
    value: what it is; None where no single value is wrong.
    what: what is wrong with it, a clause that follows "key=value".
    remedy: what to do about it; may be empty.
    level: one of LEVELS.
    """

    key: str
    value: Any
    what: str
    remedy: str = ""
    level: Literal["fatal", "warning", "note"] = "fatal"

    def __str__(self) -> str:
        """One line, without the remedy: batch_size=63 must be a multiple of the 8 devices."""
        value = "" if self.value is None else f"={self.value!r}"
        return f"{self.key.removeprefix('/')}{value} {self.what}"


class UserError(Exception):
    """Something that the user can fix; commands print it as one line and exit with 1.

    The message names the value that is wrong and the rule that it breaks. `problem` holds the same
    as data where a component found it among its arguments.
    """

    def __init__(self, message: str, problem: Problem | None = None):
        super().__init__(message)
        self.problem = problem


def refuse(problems: Iterable[Problem]) -> None:
    """Returns where none of the problems is fatal.

    Raises:
      UserError: of the first fatal one.
    """
    for problem in problems:
        if problem.level == "fatal":
            remedy = f"; {problem.remedy}" if problem.remedy else ""
            raise UserError(f"{problem}{remedy}", problem)


def require(valid: bool, key: str, value: Any, what: str) -> None:
    """Refuses the value of one argument unless it is valid; see `Problem` for the others.

    Raises:
      UserError: where it is not.
    """
    if not valid:
        refuse([Problem(key, value, what)])


def out_of_range(
    key: str, value: Number, least: Number, most: Number = math.inf, *, above: bool = False
) -> Iterator[Problem]:
    """A number that is not finite or not in [least, most]; with `above`, `least` itself is out."""
    low = value > least if above else value >= least
    if low and value <= most and math.isfinite(value):
        return
    rule = f"{'above' if above else 'at least'} {least:g}"
    if most < math.inf:
        rule = f"in {'(' if above else '['}{least:g}, {most:g}]"
    yield Problem(key, value, f"must be {rule}")


def within(section: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems of a component whose arguments are a section of the configuration.

    section: as "config.method", or "config" for what lies at the top.
    """
    for problem in problems:
        absolute = problem.key.startswith("/")
        key = f"config.{problem.key[1:]}" if absolute else f"{section}.{problem.key}"
        yield problem._replace(key=key)


@contextlib.contextmanager
def in_section(section: str) -> Iterator[None]:
    """Names a refused argument as the configuration does; see `within`."""
    try:
        yield
    except UserError as error:
        if error.problem is not None and not error.problem.key.startswith("config."):
            refuse(within(section, [error.problem]))
        raise
