"""A data set: uint8 images, in memory or still in files, with labels and class names."""

import concurrent.futures
import hashlib
import json
import math
import os
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, Int8, Int32, UInt8

# Images per thread task: enough to hide the cost of a task, few enough to keep all threads busy.
READ_AT_ONCE = 8


@runtime_checkable
class StoredImages(Protocol):
    """Images that are read on access; picklable, so that worker processes can read them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> UInt8[np.ndarray, "h w c"]: ...

    def subset(self, indices: Int[np.ndarray, " m"]) -> "StoredImages":
        """The images at `indices`, in that order, none of them read."""
        ...

    def identity(self) -> str:
        """Identifies the images without reading them, independent of their location and age."""
        ...


Images = UInt8[np.ndarray, "n h w c"] | StoredImages


class Dataset(NamedTuple):
    """Images with their labels and class names.

    images: [N, H, W, C].
    labels: class indices [N]; None for an unlabelled set.
    classes: names of the classes.
    skipped: names of the files that were skipped because they could not be read.
    presence: for a multi-label set, which classes are in each image: 1 present, -1 absent, 0 hard
      to tell. Such a set has no labels, so methods treat it as unlabelled.
    origin: where the images come from, as "PHOTOS/val" or "10 % of train, seed 0"; "" if unknown.
    notes: what was not taken as it lay there, and why; one line each, shown when a run begins.
    reasons: why each of `skipped` could not be read; () where it is not known.
    """

    images: Images
    labels: Int32[np.ndarray, " n"] | None
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    presence: Int8[np.ndarray, "n classes"] | None = None
    origin: str = ""
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Loaded(NamedTuple):
    """The parts of a data set as published.

    train: images that methods learn from.
    test: test images; None where there are no labels to test with.
    labelled: images that probes learn from, where these are not `train`, whose images then have
      no labels.
    """

    train: Dataset
    test: Dataset | None
    labelled: Dataset | None = None


class Splits(NamedTuple):
    """The parts of a data set as a run uses them; None for a part that it lacks.

    train: images that methods learn from.
    holdout: images taken out of `bank` for choosing hyper-parameters.
    test: images that are used once, at the end.
    labelled: as in `Loaded`.
    """

    train: Dataset
    holdout: Dataset | None
    test: Dataset | None
    labelled: Dataset | None = None

    @property
    def bank(self) -> Dataset:
        """Images that probes learn from: `labelled` if the set has it, otherwise `train`."""
        return self.train if self.labelled is None else self.labelled


def take(dataset: Dataset, indices: Int[np.ndarray, " m"]) -> Dataset:
    """The data set reduced to `indices`, in that order; stored images are not read."""
    images, labels, presence = dataset.images, dataset.labels, dataset.presence
    return dataset._replace(
        images=images[indices] if isinstance(images, np.ndarray) else images.subset(indices),
        labels=None if labels is None else labels[indices],
        presence=None if presence is None else presence[indices],
    )


def gather(
    images: Images, indices: Int[np.ndarray, " m"], *, threads: int | None = None
) -> UInt8[np.ndarray, "m h w c"]:
    """The images at `indices` as one array.

    Threads suffice for reading: image decoders release Python's global lock.

    Args:
      images: an array, or stored images.
      indices: which images, in that order.
      threads: number of threads that read stored images; None for one per core.
    """
    if isinstance(images, np.ndarray):
        return images[indices]
    array = np.empty((len(indices), *images.shape[1:]), np.uint8)

    def read(start: int) -> None:
        for row in range(start, min(start + READ_AT_ONCE, len(indices))):
            array[row] = images[int(indices[row])]

    with concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for _ in pool.map(read, range(0, len(indices), READ_AT_ONCE)):
            pass  # re-raises an error of a thread
    return array


def in_memory(dataset: Dataset) -> Dataset:
    """The data set with all its images read into one array."""
    images = dataset.images
    if isinstance(images, np.ndarray):
        return dataset
    return dataset._replace(images=gather(images, np.arange(len(images))))


def bytes_of(dataset: Dataset) -> int:
    """Size of the images in bytes, as one uint8 array."""
    return math.prod(dataset.images.shape)


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 (hex) of shape, labels or presence, class names and images.

    For stored images it hashes names and sizes in bytes, so compute it before `in_memory`.
    """
    images, labels = dataset.images, dataset.labels
    digest = hashlib.sha256()
    digest.update(json.dumps([images.shape, dataset.classes, labels is not None]).encode())
    for array in (labels, dataset.presence):
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    if isinstance(images, np.ndarray):
        digest.update(np.ascontiguousarray(images).data)
    else:
        digest.update(images.identity().encode())
    return digest.hexdigest()
