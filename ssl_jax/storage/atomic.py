"""Files that are written completely or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from ssl_jax.errors import UserError


def make_folder(path: Path) -> None:
    """Creates the folder of a run if it does not exist.

    Raises:
      UserError: if it cannot be created, or is not writable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--workdir={path} cannot be created: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise UserError(f"--workdir={path} cannot be written to")


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as JSON, completely or not at all."""
    replace_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a file completely or not at all: a process that is killed leaves the old content."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is no such file.

    Raises:
      UserError: if the file is not JSON.
    """
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not JSON: {error}") from None
