"""Turns image files into features batch by batch; the host decodes while the devices encode."""

import concurrent.futures
import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Float32, UInt8

from ssl_jax.augment.policy import to_float
from ssl_jax.data.decode import decode
from ssl_jax.data.folders import list_images
from ssl_jax.devices import sharding
from ssl_jax.devices.processes import from_all
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError

# What became of a file.
READABLE, CHANGED = 1, 2


class FileList(NamedTuple):
    """The image files below a folder.

    root: the folder.
    names: paths of the files relative to `root`, sorted.
    stamps: (size in bytes, modification time in ns) of the files; (0, 0) for a broken link.
    """

    root: str
    names: list[str]
    stamps: list[tuple[int, int]]

    def digest(self) -> str:
        """SHA-256 (hex) of names and stamps."""
        lines = hashlib.sha256()
        for name, stamp in zip(self.names, self.stamps, strict=True):
            lines.update(f"{name!a} {stamp}\n".encode())
        return lines.hexdigest()


class FeatureRows(NamedTuple):
    """Features of consecutive files.

    readable: whether each file could be read [B].
    features: [B, d]; meaningless for files that could not be read.
    """

    readable: Bool[np.ndarray, " b"]
    features: Float32[np.ndarray, "b d"]


def find(folder: Path) -> FileList:
    """Lists the image files below `folder`, readable or not.

    Raises:
      UserError: if there is no such folder or no image file in it.
    """
    if not folder.is_dir():
        raise UserError(f"--images={folder} must be a folder of images")
    names = list_images(str(folder))
    return FileList(str(folder), names, [_stamp(folder / name) for name in names])


def stream(
    encoder: Encoder, files: FileList, *, first: int, batch_size: int
) -> Iterator[FeatureRows]:
    """Computes features on all devices, in the order of the files.

    Each process reads the files of its devices; all get all features.

    Images are decoded to the square that the encoder crops its input from, as if their shorter
    side had been resized and the centre cut out. Two batches are in memory at a time, each process
    holding its images of them.
    The devices always get `batch_size` images; the last batch is padded with zeros.

    Args:
      encoder: computes the features.
      files: the image files.
      first: number of files to skip.
      batch_size: images per batch; a multiple of the number of devices.

    Yields:
      One batch of rows at a time.

    Raises:
      UserError: if a file has changed since it was listed.
    """
    description = encoder.description
    side = description.input_side
    shardings = sharding.make(batch_size)
    variables = jax.device_put(encoder.variables, shardings.replicated)
    encoder = dataclasses.replace(encoder, variables=variables)
    own = batch_size // jax.process_count()
    running = None
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(first, len(files.names), batch_size):
            batch = np.zeros((own, side, side, description.channels), np.uint8)
            states = _read(files, start + own * jax.process_index(), batch, pool)
            readable = _agreed(states, files, start)
            features = encoder.encode(to_float(sharding.put(batch, shardings.batch)))
            features = jax.device_put(features, shardings.replicated)
            # Fetched one batch late, so that the devices work while the host decodes the next one.
            if running is not None:
                yield _fetch(*running)
            running = readable, features
    if running is not None:
        yield _fetch(*running)


def _agreed(
    states: UInt8[np.ndarray, " own"], files: FileList, start: int
) -> Bool[np.ndarray, " n"]:
    """Whether each file of the batch from `start` could be read, by whichever process read it.

    Raises:
      UserError: in every process, if a file has changed since it was listed.
    """
    found = from_all(states).reshape(-1)[: len(files.names) - start]
    for row in np.flatnonzero(found == CHANGED):
        path = Path(files.root, files.names[start + row])
        raise UserError(f"{path} has changed since the start; run the same command again")
    return found == READABLE


def _read(
    files: FileList,
    start: int,
    batch: UInt8[np.ndarray, "b h w c"],
    pool: concurrent.futures.Executor,
) -> UInt8[np.ndarray, " b"]:
    """Decodes the files from index `start` into `batch`; returns what became of each."""
    _, side, _, channels = batch.shape
    states = np.zeros(len(batch), np.uint8)

    def read(row: int) -> None:
        path = Path(files.root, files.names[start + row])
        try:
            batch[row] = decode(path, image_size=side, channels=channels)
            states[row] = READABLE
        except Exception:  # decoders raise nearly anything for a damaged file
            pass
        if _stamp(path) != files.stamps[start + row]:
            states[row] = CHANGED

    for _ in pool.map(read, range(max(0, min(len(batch), len(files.names) - start)))):
        pass  # re-raises an error of a thread
    return states


def _fetch(readable: Bool[np.ndarray, " n"], features: Float[Array, "_b d"]) -> FeatureRows:
    return FeatureRows(readable, np.asarray(features, np.float32)[: len(readable)])


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
