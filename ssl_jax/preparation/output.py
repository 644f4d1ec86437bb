"""The folder that records are written to: one command at a time, finished shards kept."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssl_jax.data.records import manifest
from ssl_jax.data.records.shard import ShardIndex, read_index, stem
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic
from ssl_jax.storage.differences import differences

# Says what an unfinished folder is made from.
BEGUN = "begun.json"
# Holds decompressed tars while they are read.
SCRATCH = "unpacked"
# What is written goes by a name of its own until it is whole; a killed command leaves it.
PART = r"(\.[0-9a-f]{8})?\.part"
OURS = re.compile(
    rf"({BEGUN}|{manifest.FILE}|{SCRATCH}|\w+-\d{{5}}\.(json|array_record))(?P<part>{PART})?"
)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Creates the folder and keeps other commands from writing to it.

    The lock ends with the process, however that ends.

    Raises:
      UserError: if another command writes to it, it cannot be created, or it holds other files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"--output={folder} cannot be created: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            what = "another command is writing to it"
            if not isinstance(error, BlockingIOError):
                what = f"it cannot be locked: {error.strerror}"
            raise UserError(f"--output={folder}: {what}") from None
        for name in sorted(os.listdir(folder)):
            ours = OURS.fullmatch(name)
            if not ours:
                raise UserError(f"--output={folder} must be a new folder; it holds {name}")
            if ours["part"]:
                with contextlib.suppress(OSError):  # what is written next says why
                    (folder / name).unlink()
        yield
    finally:
        os.close(handle)


def begin(folder: Path, origin: dict[str, Any]) -> bool:
    """Whether there is anything to do; an unfinished folder of the same origin is resumed.

    Args:
      folder: where records are written.
      origin: what they are made from: the settings and a digest of the images.

    Raises:
      UserError: if the folder holds anything else.
    """
    finished = atomic.read_json(folder / manifest.FILE)
    former = finished.get("settings") if isinstance(finished, dict) else finished
    former = former or atomic.read_json(folder / BEGUN)
    if former is None:
        atomic.write_json(folder / BEGUN, origin)
        return True
    if other := differences(former, origin):
        raise UserError(
            f"--output={folder} holds records of another {' and '.join(other)}; "
            "choose another folder, or remove this one"
        )
    return finished is None


def finished_shards(folder: Path, split: str) -> list[ShardIndex]:
    """The shards of a split that are complete, in order.

    Raises:
      UserError: if one of them is no longer as it was written.
    """
    found: list[ShardIndex] = []
    while (path := folder / f"{stem(split, len(found))}.json").exists():
        index = read_index(path)
        shard = folder / index.file
        if index.bytes and not (shard.exists() and shard.stat().st_size == index.bytes):
            raise UserError(f"{shard} is not as it was written; remove {path} to write it again")
        found.append(index)
    return found


def end(folder: Path, whole: manifest.Manifest) -> None:
    """Writes the manifest: the folder is complete."""
    whole.write(folder)
    (folder / BEGUN).unlink(missing_ok=True)
