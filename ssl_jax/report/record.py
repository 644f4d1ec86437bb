"""The files that say what a run was and what came of it: config.json and result.json."""

import json
import os
from pathlib import Path
from typing import Any

import jax

from ssl_jax.errors import UserError
from ssl_jax.types import Config


def as_json(config: Config) -> dict[str, Any]:
    """A configuration as plain JSON values, equal to what reading it back from a file gives."""
    return json.loads(config.to_json_best_effort())


def write_json(path: Path, content: Any) -> None:
    """Writes whole or not at all: a killed process leaves the old file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    os.replace(part, path)


def read_json(path: Path) -> Any:
    """The content of a JSON file, or None where there is none.

    Raises:
      UserError: if the file is not JSON.
    """
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not JSON: {error}") from None


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the keys that differ between two nested dictionaries, sorted."""
    names = []
    for key in sorted(set(old) | set(new)):
        name, a, b = f"{prefix}{key}", old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            names += differences(a, b, name + ".")
        elif key not in old or key not in new or a != b:
            names.append(name)
    return names


def device_name() -> str:
    """What the run computed on, as "8 x NVIDIA H200" or "1 x cpu"."""
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"
