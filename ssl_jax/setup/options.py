"""Options as plain Python: sections of a configuration, and defaults from signatures."""

import inspect
from collections.abc import Callable
from typing import Any

from ssl_jax.types import Config


def plain(options: Config) -> dict[str, Any]:
    """A section as plain values; lists, which JSON makes of tuples, are tuples again."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in dict(options).items()}


def defaults(function: Callable[..., Any], *without: str) -> dict[str, Any]:
    """The options of a function or a class that have defaults, by name, in their order."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.default is not p.empty and p.name not in without]
    return {p.name: p.default for p in named}
