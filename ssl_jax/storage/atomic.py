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


def make_folder(path: Path) -> None:
    """The folder of a run.

    Raises:
      UserError: if it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--workdir={path} cannot be made: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise UserError(f"--workdir={path} cannot be written to")


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as JSON, whole or not at all."""
    replace_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all: a killed process leaves the old one."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
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
