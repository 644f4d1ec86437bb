"""Digests of files and arrays, which verify that a checkpoint is still what was saved.

Orbax commits atomically but does not notice a flipped bit. A checkpoint therefore records the
SHA-256 of each of its files, and that of each array before it was passed to Orbax. Both are
compared on load.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.errors import UserError
from ssl_jax.storage.atomic import synchronize
from ssl_jax.types import by_path

FILES = "files.json"  # in the folder of a step; digests of the files of all items


class Damaged(Exception):
    """A checkpoint was read, and is not the one that was saved; the message is one line.

    What cannot be read for another reason (a stale file handle, no free descriptor, no permission)
    may be whole: that is an OSError.
    """


def first_cause(error: BaseException) -> str:
    """Type and message of the root cause of an error, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def digest(tree: Any) -> str:
    """One SHA-256 (hex) of all arrays of a pytree: their names, dtypes, shapes and bytes."""
    arrays = by_path(tree)
    with ThreadPoolExecutor() as pool:
        digests = pool.map(lambda array: _sha256(_host(array)), arrays.values())
        lines = [f"{name} {sha256}\n" for name, sha256 in zip(arrays, digests, strict=True)]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def describe(arrays: dict[str, jax.Array], step: int) -> dict[str, dict[str, Any]]:
    """The shape, dtype and SHA-256 of every array, by name.

    Args:
      arrays: by name.
      step: number of updates that led to them, for the error message.

    Raises:
      UserError: if a number is not finite.
    """

    def describe_one(name: str) -> dict[str, Any]:
        array = _host(arrays[name])
        if jnp.issubdtype(array.dtype, jnp.inexact) and not np.isfinite(array).all():
            raise UserError(f"{name} is not finite at step {step}: no checkpoint is saved")
        return {**_shape_and_dtype(arrays[name]), "sha256": _sha256(array)}

    with ThreadPoolExecutor() as pool:
        return dict(zip(arrays, pool.map(describe_one, arrays), strict=True))


def require_same_arrays(
    path: Path, stored: dict[str, dict[str, Any]], needed: dict[str, Any]
) -> None:
    """Compares names, shapes and dtypes of the arrays in a checkpoint with those that are needed.

    Args:
      path: of the checkpoint, for the error message.
      stored: descriptions of the arrays in the checkpoint, from `describe`.
      needed: arrays or `jax.ShapeDtypeStruct`, by name.

    Raises:
      UserError: naming the first array in which checkpoint and configuration differ.
    """
    reason = "the architecture or batch size differs"
    for name, leaf in needed.items():
        needs = _shape_and_dtype(leaf)
        if name not in stored:
            raise UserError(f"checkpoint {path} lacks {name} {needs['shape']}: {reason}")
        for attribute in ("shape", "dtype"):
            if stored[name][attribute] != needs[attribute]:
                raise UserError(
                    f"checkpoint {path} holds {name} {stored[name][attribute]}, "
                    f"this configuration needs {needs[attribute]}: {reason}"
                )
    for name in stored:
        if name not in needed:
            raise UserError(
                f"checkpoint {path} holds {name} {stored[name]['shape']}, "
                f"which this configuration does not have: {reason}"
            )


def verify_arrays(arrays: dict[str, jax.Array], stored: dict[str, dict[str, Any]]) -> None:
    """Compares loaded arrays with the digests that were taken before they were saved.

    Args:
      arrays: by name.
      stored: descriptions from `describe`; those of further arrays are ignored.

    Raises:
      Damaged: if the digest of an array differs.
    """

    def verify(name: str) -> None:
        if _sha256(_host(arrays[name])) != stored[name]["sha256"]:
            raise Damaged(f"array {name} does not match its digest")

    with ThreadPoolExecutor() as pool:
        list(pool.map(verify, arrays))


def write_file_digests(folder: Path) -> None:
    """Records the digests of all files below `folder`, once they are on the disk."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != FILES]
    for path in paths:
        synchronize(path)
    names = [path.relative_to(folder).as_posix() for path in paths]
    (folder / FILES).write_text(json.dumps(_file_digests(folder, names)))
    synchronize(folder / FILES)


def verify_files(folder: Path, below: str = "") -> None:
    """Compares the files in `folder` with the digests that `write_file_digests` recorded.

    Args:
      folder: of a checkpoint.
      below: compares only files whose names begin so.

    Raises:
      Damaged: if a file is missing, or its digest differs.
      OSError: if one cannot be read.
    """
    try:
        recorded = json.loads((folder / FILES).read_bytes())
    except (ValueError, RecursionError):
        raise Damaged(f"{FILES} is not JSON") from None
    except OSError as error:
        raise_if_missing(folder, FILES, error)
        raise
    if not isinstance(recorded, dict):
        raise Damaged(f"{FILES} holds no digests")
    names = [name for name in recorded if name.startswith(below)]
    current = _file_digests(folder, names)
    for name in names:
        if current[name] != recorded[name]:
            raise Damaged(f"file {name} does not match its digest")


def raise_if_missing(folder: Path, name: str, error: OSError) -> None:
    """Raises Damaged if the file `name` in `folder` does not exist, or is no file.

    The folder is listed: a server that loses a file handle also says that there is no such file.
    """
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        raise Damaged(f"{name} is no file") from error
    if not isinstance(error, FileNotFoundError):
        return
    for part in Path(name).parts:
        try:
            there = part in os.listdir(folder)
        except FileNotFoundError:  # the checkpoint itself
            there = False
        if not there:
            raise Damaged(f"{name} is missing") from error
        folder = folder / part


def _host(array: jax.Array) -> np.ndarray:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    # With several processes, reads a replicated array from the first device of this process.
    return np.asarray(array.addressable_data(0) if array.is_fully_replicated else array)


def _sha256(array: np.ndarray) -> str:
    sha256 = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    sha256.update(np.ascontiguousarray(array).view(np.uint8).data)
    return sha256.hexdigest()


def _shape_and_dtype(leaf: jax.Array | jax.ShapeDtypeStruct) -> dict[str, Any]:
    return {"shape": list(leaf.shape), "dtype": str(leaf.dtype)}


def _file_digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    def file_digest(name: str) -> str:
        try:
            with (folder / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise_if_missing(folder, name, error)
            raise

    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(file_digest, names), strict=True))
