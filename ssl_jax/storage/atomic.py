"""Files that are written completely or not at all, and read in one piece or not."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssl_jax.errors import UserError

PART = ".part"  # suffix of a file that is being written


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


@contextlib.contextmanager
def removed_if_empty(path: Path) -> Iterator[None]:
    """Removes the folder, and those above it, after an error if the block made them for nothing."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()
        raise


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as JSON, completely or not at all; raises UserError where it cannot be."""
    replace_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a file completely or not at all; raises UserError where it cannot be written."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def replacing(path: Path, name: str = "") -> Iterator[Path]:
    """A path to write to, which replaces `path` in the end; nothing of it is left after an error.

    A process that is killed leaves the old content, and so does a machine that loses its power.
    Two writers do not disturb each other: the file of the last one stays.

    Args:
      path: the file.
      name: what an error calls it; default: its path.

    Raises:
      UserError: if the file cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with writing(name or path):
            yield part
            synchronize(part)
            os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


@contextlib.contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Says in one line that `path` cannot be written if the block raises an OSError.

    Raises:
      UserError: in its place.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from error


def synchronize(path: Path) -> None:
    """Returns once the content of a file is on the disk, where some errors show only then."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is no such file.

    Raises:
      UserError: if the file is not JSON, or cannot be read.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason(error)}") from error
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {first_line(error)}") from None


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None if there is no such file, or something else is in it.

    For files that say nothing new: what they should hold can be had from elsewhere.

    Raises:
      UserError: if the file cannot be read, whatever it holds.
    """
    try:
        content = read_json(path)
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return None
    return content if isinstance(content, dict) else None


def reason(error: OSError) -> str:
    """What the system says of an error, without the number and the file."""
    return error.strerror or first_line(error)


def first_line(error: BaseException) -> str:
    """The message of an error on one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
