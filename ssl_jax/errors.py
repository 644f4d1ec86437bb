"""What is wrong, as data and as the one exception that a user can fix."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

# A whole number in a configuration is as good as a fraction.
Number = float | int
# The worst first. A note is worth knowing and no mistake.
LEVELS = ("fatal", "warning", "note")
SHOWN = 120  # characters of a value


def printable(text: str) -> str:
    """Text as one line for a terminal or a log, whatever is in it.

    Control characters, which may move the cursor or fake a line, and bytes that are not Unicode are
    escaped as in a Python string.

    >>> printable("a\\x1b[2J.png")
    'a\\\\x1b[2J.png'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
        value = "" if self.value is None else f"={_shown(self.value)}"
        return printable(f"{self.key.removeprefix('/')}{value} {self.what}")


def _shown(value: Any) -> str:
    """A value in a line: with escaped control characters, and cut in the middle if it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} ... {text[-SHOWN // 4 :]}"


class UserError(Exception):
    """Something that the user can fix; commands print it as one line and exit with 1.

    The message is one line without control characters, whatever names of files are in it. It names
    the value that is wrong and the rule that it breaks. `problem` holds the same
    as data where a component found it among its arguments.
    """

    def __init__(self, message: str, problem: Problem | None = None):
        super().__init__(printable(message))
        self.problem = problem


class UsageError(UserError):
    """A command line that cannot be understood; commands exit with 2."""


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
