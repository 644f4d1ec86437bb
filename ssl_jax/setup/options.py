"""Options of a section as plain Python, and what is wrong with those of a method."""

from collections.abc import Iterator, Mapping
from typing import Any

from ssl_jax.errors import Problem
from ssl_jax.names.similar import similar
from ssl_jax.options.judge import Option, value_problems
from ssl_jax.types import Config


def plain(options: Config) -> dict[str, Any]:
    """A section as plain values; lists, which JSON makes of tuples, are tuples again."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in dict(options).items()}


def option_problems(
    name: str, options: Mapping[str, Option], values: Mapping[str, Any]
) -> Iterator[Problem]:
    """Values of options that the method `name` does not have, and values out of range."""
    given = {key: value for key, value in values.items() if key != "name"}
    for key in given:
        if key not in options:
            near = similar(key, options)
            remedy = f"did you mean {near}?" if near else ""
            what = f"is no option of {name}; it has {', '.join(options)}"
            yield Problem(key, given[key], what, remedy)
    yield from value_problems(options, given)
