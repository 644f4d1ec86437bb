"""Joins two data sets."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.dataset import Dataset, Images
from ssl_jax.data.decode import Opened
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.files import ImageFiles


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedImages:
    """Images of several sets of stored images, read on access; see `StoredImages`.

    parts: the sets, whose images have one size.
    indices: which of their images, counted through all sets.
    """

    parts: tuple[Any, ...]
    indices: Int[np.ndarray, " n"]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        return (len(self), *self.parts[0].shape[1:])

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> UInt8[np.ndarray, "h w c"]:
        place = int(self.indices[index])
        for part in self.parts:
            if place < len(part):
                return part[place]
            place -= len(part)
        raise IndexError(index)

    def subset(self, indices: Int[np.ndarray, " m"]) -> "JoinedImages":
        """The images at `indices`, in that order, none of them read."""
        return dataclasses.replace(self, indices=self.indices[indices])

    def identity(self) -> str:
        """Identifies the images by their sets, those in memory by their values."""
        found = hashlib.sha256(np.ascontiguousarray(self.indices, np.int64).tobytes())
        for part in self.parts:
            array = isinstance(part, np.ndarray)
            found.update(part.tobytes() if array else part.identity().encode())
        return found.hexdigest()


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class JoinedEncoded(EncodedImages):
    """Encoded images of two sets, which each read and decode their own.

    first, second: the sets, whose images are decoded to one size.
    numbers: positions of the images among those of `first`, then `second`.
    """

    first: EncodedImages
    second: EncodedImages
    numbers: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, index: int) -> bytes:
        """The encoded image."""
        images, number = self._at(index)
        return images.read(number)

    def open(self, index: int) -> Opened:
        """The header of an image, by the rule of its set."""
        images, number = self._at(index)
        return images.open(number)

    def name(self, index: int) -> str:
        """What its set calls the image."""
        images, number = self._at(index)
        return images.name(number)

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "h w c"]:
        """The central square of an image, by the rule of its set."""
        images, number = self._at(index)
        return images[number]

    def subset(self, indices: Int[np.ndarray, " m"]) -> "JoinedEncoded":
        """The images at `indices`, in that order."""
        return dataclasses.replace(self, numbers=self.numbers[indices])

    def stored_sizes(self) -> Int[np.ndarray, " n"] | None:
        """Of the images in bytes; None where one of the sets does not know them."""
        first, second = self.first.stored_sizes(), self.second.stored_sizes()
        if first is None or second is None:
            return None
        return np.concatenate([first, second])[self.numbers]

    def identity(self) -> str:
        """The identities of both sets, and which of their images these are."""
        numbers = hashlib.sha256(self.numbers.astype("<i8").tobytes()).hexdigest()
        return json.dumps([self.first.identity(), self.second.identity(), numbers])

    def _at(self, index: int) -> tuple[EncodedImages, int]:
        number, size = int(self.numbers[index]), len(self.first)
        return (self.first, number) if number < size else (self.second, number - size)


def join(first: Dataset, second: Dataset) -> Dataset:
    """Appends the images of `second` to those of `first`.

    Stored images are not read. Both data sets must have the same classes, and either both or
    neither must have labels (or presence).
    """
    return first._replace(
        images=_join(first.images, second.images),
        labels=_concatenate(first.labels, second.labels),
        presence=_concatenate(first.presence, second.presence),
        skipped=first.skipped + second.skipped,
    )


def _join(first: Any, second: Any) -> Images:
    """The images of `first`, then those of `second`; only arrays are copied."""
    if isinstance(first, ImageFiles) and isinstance(second, ImageFiles):
        names, sizes = first.names + second.names, first.sizes + second.sizes
        if dataclasses.replace(second, names=first.names, sizes=first.sizes) == first:
            return dataclasses.replace(first, names=names, sizes=sizes)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second])
    everything = np.arange(len(first) + len(second))
    if isinstance(first, EncodedImages) and isinstance(second, EncodedImages):
        return JoinedEncoded(
            first=first,
            second=second,
            numbers=everything,
            image_size=first.image_size,
            channels=first.channels,
            uniform=first.uniform and second.uniform,
        )
    return JoinedImages((first, second), everything)


def _concatenate(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])
