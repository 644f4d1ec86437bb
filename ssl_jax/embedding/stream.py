"""Image files in, features out, batch by batch: the host decodes while the devices encode."""

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
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError


class Found(NamedTuple):
    """Image files below a folder.

    names: paths relative to `root`, sorted. stamps: (bytes, time of change in ns) of the files,
    (0, 0) for a link that leads nowhere.
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


class Rows(NamedTuple):
    """What came of consecutive files; the features of one that is not readable mean nothing."""

    readable: Bool[np.ndarray, " b"]
    features: Float32[np.ndarray, "b d"]


def find(folder: Path) -> Found:
    """The image files below `folder`, readable or not.

    Raises:
      UserError: where there is no such folder or no image file in it.
    """
    if not folder.is_dir():
        raise UserError(f"--images={folder} must be a folder of images")
    names = list_images(str(folder))
    return Found(str(folder), names, [_stamp(folder / name) for name in names])


def stream(encoder: Encoder, found: Found, *, first: int, batch_size: int) -> Iterator[Rows]:
    """Features of the files from number `first` on, in their order, on all devices.

    Images are decoded to the square of which the encoder takes its crop, so that it sees them
    as one does after resizing the shorter side and cutting out the centre. Two batches of them
    are held at a time. The devices always get `batch_size` images, zeros filling up the last
    batch.

    Args:
      encoder: whose features.
      found: the files.
      first: number of files to leave out.
      batch_size: images a batch; a multiple of the number of devices.

    Raises:
      UserError: where a file is no longer as it was found.
    """
    description = encoder.description
    side = description.input_side
    shardings = sharding.make(batch_size)
    variables = jax.device_put(encoder.variables, shardings.replicated)
    encoder = dataclasses.replace(encoder, variables=variables)
    running = None
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(first, len(found.names), batch_size):
            batch = np.zeros((batch_size, side, side, description.channels), np.uint8)
            readable = _read(found, start, batch, pool)
            ahead = encoder.encode(to_float(jax.device_put(batch, shardings.batch)))
            # Fetched one batch late: the devices work while the host decodes the next one.
            if running is not None:
                yield _fetch(*running)
            running = readable, ahead
    if running is not None:
        yield _fetch(*running)


def _read(
    found: Found, start: int, batch: UInt8[np.ndarray, "b h w c"], pool: concurrent.futures.Executor
) -> Bool[np.ndarray, " _n"]:
    """Decodes the files from number `start` on into `batch`; which of them could be read."""
    _, side, _, channels = batch.shape
    readable = np.zeros(min(len(batch), len(found.names) - start), bool)

    def read(place: int) -> None:
        path = Path(found.root, found.names[start + place])
        try:
            batch[place] = decode(path, image_size=side, channels=channels)
            readable[place] = True
        except Exception:  # decoders raise nearly anything for a broken file
            pass
        if _stamp(path) != found.stamps[start + place]:
            raise UserError(f"{path} was changed since the start; run the same command again")

    for _ in pool.map(read, range(len(readable))):
        pass  # raises what reading raised
    return readable


def _fetch(readable: Bool[np.ndarray, " n"], features: Float[Array, "_b d"]) -> Rows:
    return Rows(readable, np.asarray(features, np.float32)[: len(readable)])


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
