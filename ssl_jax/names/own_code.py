"""What goes wrong in a user's own module: one line with the place in that module."""

import contextlib
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from ssl_jax.errors import Problem, UserError


@contextlib.contextmanager
def own_code(name: str, key: str = "name") -> Iterator[None]:
    """Turns whatever a user's module raises into a refusal of its name.

    Args:
      name: of a module or a class: only that of the user's own has a dot, and whatever else raises
        is a mistake of this package.
      key: of the name, in the refusal.

    Raises:
      UserError: says what was raised, and in which line of which file.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if "." not in name:
            raise
        raise refusal(name, "raised", error, key) from error


def refusal(name: str, did: str, error: Exception, key: str = "name") -> UserError:
    """The refusal of a module for its exception; `did` is what the module did, as "raised"."""
    problem = Problem(key, name, f"{did} {reason(error)}")
    return UserError(str(problem), problem)


def reason(error: BaseException) -> str:
    """What was raised, and in which line of which file of the user's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)]
    place = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def _is_own(file: str) -> bool:
    """Whether a file is the user's, neither a library's nor Python's nor this package's."""
    folders = (sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
    return not (file.startswith(("<", *folders)) or "site-packages" in file)
