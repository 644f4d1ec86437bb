"""Writes the images of a data set into shards."""

import collections
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ssl_jax.data.dataset import Dataset, fingerprint
from ssl_jax.data.depth import ValueRange
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.records.manifest import Manifest
from ssl_jax.data.records.shard import Record, ShardIndex, ShardWriter
from ssl_jax.errors import UserError
from ssl_jax.preparation import output
from ssl_jax.preparation.encode import Stored, store
from ssl_jax.preparation.input import relative_names
from ssl_jax.preparation.progress import Progress

# Images that threads work on ahead of the one that is written next.
AHEAD_PER_THREAD = 8


class Settings(NamedTuple):
    """How images are stored.

    short_side: longest short side in pixels; larger images are shrunk to it. 0 for any.
    quality: of the JPEGs of images that are shrunk, from 1 to 100.
    shard_bytes: a shard is closed once it has so many bytes.
    value_range: (black, white) of pixels that are not of 8 bits, as the user says; () if unsaid.
    max_pixels: that an image may have, as the user says; 0 if unsaid.
    """

    short_side: int
    quality: int
    shard_bytes: int
    value_range: ValueRange = ()
    max_pixels: int = 0


def prepare(splits: dict[str, Dataset], folder: Path, settings: Settings) -> Manifest | None:
    """Writes all images that the folder lacks, then the manifest.

    Args:
      splits: the images by the name of their split, all with the same classes.
      folder: where to; it must be opened.
      settings: how images are stored.

    Returns:
      The manifest; None if the folder was complete.

    Raises:
      UserError: if the folder holds other records or cannot be written, or if no image of a split
        can be read.
    """
    origin = _origin(splits, settings)
    if not output.begin(folder, origin):
        return None
    done = {split: output.finished_shards(folder, split) for split in splits}
    total = sum(len(dataset.images) for dataset in splits.values())
    first = sum(shards[-1].stop for shards in done.values() if shards)
    if first:
        print(f"resuming after {first:,} of {total:,} images")
    try:
        with Progress("prepared", total, done=first) as progress:
            for split, dataset in splits.items():
                done[split] += _write(split, dataset, done[split], folder, settings, progress)
    except (OSError, RuntimeError) as error:  # RuntimeError: from the writer of ArrayRecord
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--output={folder} cannot be written: {reason}") from error
    for split, shards in done.items():
        if not any(shard.names for shard in shards):
            name, reason = shards[0].skipped[0]
            raise UserError(f"no image of {split} can be read, starting with {name}: {reason}")
    whole = Manifest(
        classes=splits["train"].classes,
        splits={split: tuple(shards) for split, shards in done.items()},
        settings=origin,
        origins={split: dataset.origin for split, dataset in splits.items()},
    )
    output.end(folder, whole)
    return whole


def _origin(splits: dict[str, Dataset], settings: Settings) -> dict[str, Any]:
    """What records are made from; the size of their shards may change on the way."""
    digests = {split: fingerprint(dataset) for split, dataset in splits.items()}
    said = {"value_range": list(settings.value_range), "max_pixels": settings.max_pixels}
    return {
        "short_side": settings.short_side,
        "quality": settings.quality,
        **{key: value for key, value in said.items() if value},
        "images": digests,
    }


def _write(
    split: str,
    dataset: Dataset,
    done: list[ShardIndex],
    folder: Path,
    settings: Settings,
    progress: Progress,
) -> list[ShardIndex]:
    """Writes the shards of a split that are missing."""
    images, labels = dataset.images, dataset.labels
    assert isinstance(images, EncodedImages)
    names = relative_names(images)
    first = done[-1].stop if done else 0
    if first == len(images):
        return []
    made: list[ShardIndex] = []
    writer = ShardWriter(folder, split, len(done), first)
    try:
        for index, stored in _in_order(images, first, settings):
            name = names[index]
            if stored.image is None:
                writer.skip(name, stored.reason)
            else:
                label = -1 if labels is None else int(labels[index])
                writer.add(Record(stored.image, label, name))
            if writer.bytes >= settings.shard_bytes:
                made.append(writer.close())
                writer = ShardWriter(folder, split, len(done) + len(made), index + 1)
            progress.advance()
        if not made or made[-1].stop < len(images):
            made.append(writer.close())
    finally:
        writer.abandon()
    return made


def _in_order(
    images: EncodedImages, first: int, settings: Settings
) -> Iterator[tuple[int, Stored]]:
    """(index, what is stored) of each image from `first`; threads work some images ahead."""
    threads = os.cpu_count() or 1
    pending: collections.deque[tuple[int, Future[Stored]]] = collections.deque()
    options = {"short_side": settings.short_side, "quality": settings.quality}
    with ThreadPoolExecutor(threads) as pool:
        try:
            for index in range(first, len(images)):
                pending.append((index, pool.submit(store, images, index, **options)))
                if len(pending) >= AHEAD_PER_THREAD * threads:
                    earliest, future = pending.popleft()
                    yield earliest, future.result()
            for index, future in pending:
                yield index, future.result()
        finally:  # after Ctrl-C, nothing more is begun
            pool.shutdown(cancel_futures=True)
