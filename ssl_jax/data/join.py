"""Joins two data sets."""

import dataclasses
import hashlib
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.dataset import Dataset, Images
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
        return dataclasses.replace(first, names=names, sizes=sizes)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second])
    return JoinedImages((first, second), np.arange(len(first) + len(second)))


def _concatenate(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])
