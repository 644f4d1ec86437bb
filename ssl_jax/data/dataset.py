"""What a data set is: uint8 images that may still lie in files, labels and class names."""

import concurrent.futures
import hashlib
import json
import math
import os
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, Int8, Int32, UInt8

from ssl_jax.data.order import epoch_order
from ssl_jax.errors import UserError

# Runs with different seeds are compared on the same held-out and test images.
FIXED_SEED = 0
# The part of a labelled set without a test set that becomes one.
TEST_PART = 0.1
# Images that a thread reads in one go: enough to hide what a task costs, few enough to share out.
READ_AT_ONCE = 8


@runtime_checkable
class StoredImages(Protocol):
    """Images that are read when asked for; picklable, so that worker processes can read them."""

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
        """Names what is stored without reading it, wherever and whenever it was put there."""
        ...


Images = UInt8[np.ndarray, "n h w c"] | StoredImages


class Dataset(NamedTuple):
    """images: [N, H, W, C]; labels: class indices [N], or None where there are none;
    classes: their names; skipped: names of files left out because they could not be read;
    presence: of a multi-label set, which classes are in each image: 1 present, -1 absent, 0 hard
    to tell. Such a set has no labels, so to methods it is an unlabelled one."""

    images: Images
    labels: Int32[np.ndarray, " n"] | None
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    presence: Int8[np.ndarray, "n classes"] | None = None


class Loaded(NamedTuple):
    """What a data set comes with.

    train: what methods learn from. test: None where there are no labels to test with. labelled:
    what probes learn from where it is not `train`, whose images then have no labels.
    """

    train: Dataset
    test: Dataset | None
    labelled: Dataset | None = None


class Splits(NamedTuple):
    """train: what methods learn from; holdout: images of `bank` kept back for choosing
    hyper-parameters; test: touched once; labelled: as in `Loaded`. None where there are none."""

    train: Dataset
    holdout: Dataset | None
    test: Dataset | None
    labelled: Dataset | None = None

    @property
    def bank(self) -> Dataset:
        """What probes learn from: the labelled images where they are apart, or else `train`."""
        return self.train if self.labelled is None else self.labelled


def take(dataset: Dataset, indices: Int[np.ndarray, " m"]) -> Dataset:
    """The images at `indices`, in that order; stored images are not read."""
    images, labels, presence = dataset.images, dataset.labels, dataset.presence
    return dataset._replace(
        images=images[indices] if isinstance(images, np.ndarray) else images.subset(indices),
        labels=None if labels is None else labels[indices],
        presence=None if presence is None else presence[indices],
    )


def gather(
    images: Images, indices: Int[np.ndarray, " m"], *, threads: int | None = None
) -> UInt8[np.ndarray, "m h w c"]:
    """The images at `indices` in one array; stored ones are read by `threads`, one a core if None.

    Threads are enough: image decoders run outside Python's lock.
    """
    if isinstance(images, np.ndarray):
        return images[indices]
    array = np.empty((len(indices), *images.shape[1:]), np.uint8)

    def read(start: int) -> None:
        for place in range(start, min(start + READ_AT_ONCE, len(indices))):
            array[place] = images[int(indices[place])]

    with concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for _ in pool.map(read, range(0, len(indices), READ_AT_ONCE)):
            pass  # raises what reading raised
    return array


def in_memory(dataset: Dataset) -> Dataset:
    """The same data set with its images in one array."""
    images = dataset.images
    if isinstance(images, np.ndarray):
        return dataset
    return dataset._replace(images=gather(images, np.arange(len(images))))


def bytes_of(dataset: Dataset) -> int:
    """Bytes that the images take as one uint8 array."""
    return math.prod(dataset.images.shape)


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 (hex) of shape, labels or presence, class names and images.

    Of stored images it hashes names and sizes in bytes, so take it before `in_memory`.
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


def draw(
    labels: Int32[np.ndarray, " n"] | None, *, size: int, count: int, seed: int
) -> Int[np.ndarray, " count"]:
    """Sorted indices of `count` of `size` images, drawn by `seed`.

    With labels every class gives its share, to within one image. An image that is number k (from
    0) of the n images of its class in a random order stands at (k + 1/2) / n; the first `count`
    in that order are drawn, classes at the same place taking turns at random.
    """
    order = epoch_order(seed, 0, size)
    if labels is None:
        return np.sort(order[:count])
    by_class = np.argsort(labels[order], kind="stable")
    sizes = np.bincount(labels)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = (np.arange(size) - first + 0.5) / np.repeat(sizes, sizes)
    return np.sort(order[by_class[np.lexsort((by_class, place))[:count]]])


def set_aside(dataset: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """(the rest, with the list of skipped files; `count` images drawn by a fixed seed)."""
    size = len(dataset.images)
    chosen = draw(dataset.labels, size=size, count=count, seed=FIXED_SEED)
    rest = np.setdiff1d(np.arange(size), chosen)
    return take(dataset, rest), take(dataset, chosen)._replace(skipped=())


def with_test(dataset: Dataset) -> tuple[Dataset, Dataset | None]:
    """(train, test) of a set that came without a test set: a tenth of it, None if unlabelled."""
    if dataset.labels is None:
        return dataset, None
    return set_aside(dataset, math.ceil(TEST_PART * len(dataset.images)))


def split(train: Dataset, *, holdout: int, limit: int, seed: int) -> tuple[Dataset, Dataset | None]:
    """(training images, held-out images or None where `holdout` is 0).

    Args:
      train: the whole training set.
      holdout: number of images to keep back; the same images whatever the seed.
      limit: number of training images to draw by `seed` from the rest; 0 takes all of them.
      seed: the run's.

    Raises:
      UserError: where the set has too few images.
    """
    kept = None
    if holdout:
        if not 0 < holdout < len(train.images):
            raise UserError(
                f"a holdout of {holdout} images must leave some of the "
                f"{len(train.images)} training images"
            )
        train, kept = set_aside(train, holdout)
    if limit:
        size = len(train.images)
        if not 0 < limit <= size:
            raise UserError(
                f"config.data.limit {limit} must be 0 (all) or at most the {size} training images"
            )
        train = take(train, draw(train.labels, size=size, count=limit, seed=seed))
    return train, kept
