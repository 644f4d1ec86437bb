"""Test images that are also training images: exact copies, looked for when a run begins."""

import concurrent.futures
import hashlib
import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.encoded import EncodedImages

# Bytes of images in memory that are compared before whole images are.
SAMPLE = 64
# Encoded images that are read at most, and their bytes; those of sizes that only one part has are
# known to differ without.
MOST_READ = 20_000
MOST_BYTES = 256 << 20

# (which test images were looked at, which of these are training images).
Found = tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]


class Overlap(NamedTuple):
    """How many test images are also training images.

    copies: test images that equal a training image, or one that probes learn from.
    looked_at: test images that were compared.
    size: test images.
    """

    copies: int
    looked_at: int
    size: int

    def __str__(self) -> str:
        """A line for the start of a run; "" where there is nothing to say.

        >>> print(Overlap(2, 90, 90))
        2 of the 90 test images are also training images
        """
        if not self.copies:
            return ""
        seen = "" if self.looked_at == self.size else " that were looked at"
        noun = "test image" if self.looked_at == 1 else "test images"
        verb = "is also a training image" if self.copies == 1 else "are also training images"
        return f"{self.copies:,} of the {self.looked_at:,} {noun}{seen} {verb}"


def find_overlap(splits: Splits) -> Overlap | None:
    """Looks for test images that are also training images.

    Arrays are compared pixel by pixel. Encoded images are compared byte by byte where another has
    the same size; of large sets only a part is, so that a run does not begin with reading them.

    Returns:
      The number of copies; None where there is no test set, or images are stored in a way that
      cannot be compared cheaply.
    """
    test = splits.test
    if test is None or not len(test.images):
        return None
    parts = [part for part in (splits.train, splits.labelled) if part is not None]
    compared = [found for part in parts if (found := _compare(part, test))]
    if not compared:
        return None
    looked, copies = (np.any(masks, axis=0) for masks in zip(*compared, strict=True))
    return Overlap(int(copies.sum()), int(looked.sum()), len(test.images))


def _compare(train: Dataset, test: Dataset) -> Found | None:
    learned, tested = train.images, test.images
    if isinstance(learned, np.ndarray) and isinstance(tested, np.ndarray):
        return np.ones(len(tested), bool), _equal_pixels(learned, tested)
    if isinstance(learned, EncodedImages) and isinstance(tested, EncodedImages):
        sizes = learned.stored_sizes(), tested.stored_sizes()
        if sizes[0] is not None and sizes[1] is not None:
            return _equal_bytes(learned, tested, sizes[0], sizes[1])
    return None


def _equal_pixels(
    train: UInt8[np.ndarray, "_m _h _w _c"], test: UInt8[np.ndarray, "n _h2 _w2 _c2"]
) -> Bool[np.ndarray, " n"]:
    """Which test images equal a training image; whole ones are hashed where samples are equal."""
    if train.shape[1:] != test.shape[1:]:
        return np.zeros(len(test), bool)
    of_train, of_test = _samples(train), _samples(test)
    shared = set(of_train) & set(of_test)

    def hashes(
        images: UInt8[np.ndarray, "_k _h _w _c"], samples: list[bytes]
    ) -> list[bytes | None]:
        return [
            hashlib.sha256(image.tobytes()).digest() if sample in shared else None
            for image, sample in zip(images, samples, strict=True)
        ]

    known = set(hashes(train, of_train)) - {None}
    return np.array([found in known for found in hashes(test, of_test)], bool)


def _samples(images: UInt8[np.ndarray, "n h w c"]) -> list[bytes]:
    """A few pixels of each image, the same of all."""
    flat = images.reshape(len(images), -1)
    columns = np.linspace(0, flat.shape[1] - 1, min(flat.shape[1], SAMPLE)).astype(int)
    return [row.tobytes() for row in flat[:, columns]]


def _equal_bytes(
    train: EncodedImages,
    test: EncodedImages,
    train_sizes: Int[np.ndarray, " m"],
    test_sizes: Int[np.ndarray, " n"],
) -> Found:
    """As `_compare`: reads the images of sizes that occur in both, the cheapest sizes first."""
    shared = np.intersect1d(train_sizes, test_sizes)
    images = _count(train_sizes, shared) + _count(test_sizes, shared)
    order = np.argsort(images * shared, kind="stable")
    order = order[images[order] <= MOST_READ]  # the others stand in the way of none
    cheap = np.cumsum(images[order]) <= MOST_READ
    cheap &= np.cumsum((images * shared)[order]) <= MOST_BYTES
    chosen = shared[order[cheap]]
    known = set(_digests(train, np.flatnonzero(np.isin(train_sizes, chosen)))) - {None}
    rows = np.flatnonzero(np.isin(test_sizes, chosen))
    digests = _digests(test, rows)
    looked, copies = ~np.isin(test_sizes, shared), np.zeros(len(test), bool)
    looked[rows] = [digest is not None for digest in digests]
    copies[rows] = [digest in known for digest in digests]
    return looked, copies


def _count(sizes: Int[np.ndarray, " n"], among: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
    """How often each of `among`, which is sorted, occurs."""
    ordered = np.sort(sizes)
    return np.searchsorted(ordered, among, "right") - np.searchsorted(ordered, among, "left")


def _digests(images: EncodedImages, rows: Int[np.ndarray, " k"]) -> list[bytes | None]:
    """A hash of each image; None for one that cannot be read, of which others will tell."""

    def digest(row: int) -> bytes | None:
        try:
            return hashlib.sha256(images.read(row)).digest()
        except Exception:  # archives raise nearly anything
            return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(digest, rows.tolist()))
