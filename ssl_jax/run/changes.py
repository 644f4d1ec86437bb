"""In what the settings of two sittings of a run differ."""

import contextlib
from typing import Any

from ml_collections import ConfigDict

from ssl_jax import methods
from ssl_jax.errors import UserError
from ssl_jax.names.lookup import find
from ssl_jax.options.judge import options_of
from ssl_jax.setup.defaults import base
from ssl_jax.setup.run_keys import MAY_DIFFER
from ssl_jax.setup.settings import as_json

NAMED = 5  # keys in one line
_ABSENT = object()


def changed_keys(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Dotted names of the settings that differ.

    A key that an older version did not know counts as its default.
    """
    known = _flat(as_json(base()))
    method = new.get("method")
    if isinstance(method, dict):
        with contextlib.suppress(UserError):  # no such method, which is said later
            options = options_of(find(methods, str(method.get("name")), "make"))
            values = {key: option.default for key, option in options.items()}
            known |= {f"method.{key}": value for key, value in as_json(ConfigDict(values)).items()}
    given, now = _flat(old), _flat(new)
    return [
        key
        for key in sorted({*given, *now})
        if key not in now or given.get(key, known.get(key, _ABSENT)) != now[key]
    ]


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The settings by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def told(keys: list[str], this: dict[str, Any], other: dict[str, Any]) -> str:
    """What some keys are here, and what they are not there: config.seed=1, not 0."""
    here, there = _flat(this), _flat(other)
    texts = [
        f"config.{key}={_shortened(here.get(key, _ABSENT))}, "
        f"not {_shortened(there.get(key, _ABSENT))}"
        for key in keys[:NAMED]
    ]
    more = [f"{len(keys) - NAMED} others"] if len(keys) > NAMED else []
    return ", ".join([*texts, *more])


def _shortened(value: Any) -> str:
    text = "(absent)" if value is _ABSENT else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def decisive(changed: list[str]) -> list[str]:
    """Those of the keys that numbers depend on, but for `epochs`, which has rules of its own."""
    return [key for key in changed if key not in (*MAY_DIFFER, "epochs")]
