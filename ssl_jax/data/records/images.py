"""The images of a folder of records, read at random positions by grain's ArrayRecord source."""

import bisect
import dataclasses
import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.pixel_rule import MAX_PIXELS, PixelRule
from ssl_jax.data.records.manifest import Manifest
from ssl_jax.data.records.shard import Record


class ShardFile(NamedTuple):
    """A file of records, as grain's source takes it without opening it first.

    filename: its path.
    skip, take: the first record, and the number of records.
    examples_in_shard: the number of records.
    """

    filename: str
    skip: int
    take: int
    examples_in_shard: int


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RecordImages(EncodedImages):
    """Images in shards of ArrayRecord.

    shards: the files.
    names: of all images in the shards.
    sizes: of all images in the shards, in bytes.
    numbers: positions of the images of this set among them.
    """

    shards: tuple[ShardFile, ...]
    names: tuple[str, ...]
    sizes: Int[np.ndarray, " all"]
    numbers: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.numbers)

    @functools.cached_property
    def _source(self) -> Any:
        """Opens a shard when a record of it is read; each process its own."""
        import grain  # slow: it imports jax

        shards: Any = list(self.shards)
        return grain.sources.ArrayRecordDataSource(shards)

    @functools.cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(shard.take for shard in self.shards))

    def read(self, index: int) -> bytes:
        """The encoded image."""
        return Record.unpack(self._source[int(self.numbers[index])]).image

    def name(self, index: int) -> str:
        """The shard, and the name of the image."""
        number = int(self.numbers[index])
        shard = self.shards[bisect.bisect_right(self._ends, number)]
        return f"{shard.filename}: {self.names[number]}"

    def subset(self, indices: Int[np.ndarray, " m"]) -> "RecordImages":
        """The images at `indices`, in that order."""
        return dataclasses.replace(self, numbers=self.numbers[indices])

    def stored_sizes(self) -> Int[np.ndarray, " n"]:
        """Of the images in bytes."""
        return self.sizes[self.numbers]

    def identity(self) -> str:
        """Names and sizes of the images, and the size and channels that they are decoded to."""
        names = [self.names[number] for number in self.numbers]
        sizes = hashlib.sha256(self.sizes[self.numbers].astype("<i8").tobytes()).hexdigest()
        return json.dumps([names, sizes, self.image_size, self.channels])


def dataset(
    folder: str, manifest: Manifest, split: str, *, image_size: int, channels: int
) -> Dataset:
    """The images of one split, with their labels."""
    shards = manifest.splits[split]
    files = tuple(
        ShardFile(os.path.join(folder, shard.file), 0, len(shard.names), len(shard.names))
        for shard in shards
    )
    sizes = np.array(_joined(shard.sizes for shard in shards), np.int64)
    images = RecordImages(
        shards=files,
        names=tuple(_joined(shard.names for shard in shards)),
        sizes=sizes,
        numbers=np.arange(len(sizes)),
        image_size=image_size,
        channels=channels,
        # An image that was large enough to need leave when it was prepared has it.
        rule=PixelRule(max_pixels=max(MAX_PIXELS, manifest.settings.get("max_pixels", 0))),
    )
    labels = np.array(_joined(shard.labels for shard in shards), np.int32)
    labels = labels if manifest.classes else None
    return Dataset(images, labels, manifest.classes, origin=manifest.origins.get(split, ""))


def _joined(parts: Iterable[Sequence]) -> list:
    return list(itertools.chain.from_iterable(parts))
