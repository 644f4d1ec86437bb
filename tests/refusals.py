"""What is refused, by its key: sentences may be improved without touching a test."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from ssl_jax.errors import UserError

ANY = object()


@contextlib.contextmanager
def refuses(key: str, value: Any = ANY) -> Iterator[pytest.ExceptionInfo[UserError]]:
    """The block refuses `value` under `key`, in one line that names the key."""
    with pytest.raises(UserError) as caught:
        yield caught
    problem, message = caught.value.problem, str(caught.value)
    assert problem is not None, f"{message} has no key"
    assert problem.key == key, message
    assert value is ANY or problem.value == value
    assert problem.level == "fatal" and problem.what
    assert "\n" not in message and key.removeprefix("/") in message
