"""Which images are set aside: a test set of a set that has none, images to choose by, a limit."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int, Int32

from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.order import epoch_order
from ssl_jax.errors import require

# Runs with different seeds are compared on the same held-out and test images.
FIXED_SEED = 0
# Fraction of a labelled set that becomes the test set where it came without one.
TEST_PART = 0.1
# Classes that a note names before it stops.
NAMED = 10


def draw(
    labels: Int32[np.ndarray, " n"] | None, *, size: int, count: int, seed: int
) -> Int[np.ndarray, " count"]:
    """Draws `count` of `size` images by `seed`, stratified by class if there are labels.

    Every class contributes its share, to within one image. In a random order within its class, the
    k-th of n images (from 0) gets the position (k + 1/2) / n; the `count` images with the lowest
    positions are drawn, and ties between classes are broken at random.

    Args:
      labels: class indices; None to draw regardless of class.
      size: number of images.
      count: number of images to draw.
      seed: of the random order.

    Returns:
      Sorted indices of the drawn images.

    >>> labels = np.array([0, 0, 0, 0, 1, 1], np.int32)
    >>> labels[draw(labels, size=6, count=3, seed=0)].tolist()
    [0, 0, 1]
    """
    order = epoch_order(seed, 0, size)
    if labels is not None:
        order, _ = _by_share(labels, order)
    return np.sort(order[:count])


def draw_aside(
    labels: Int32[np.ndarray, " n"] | None, *, size: int, count: int
) -> Int[np.ndarray, " m"]:
    """Draws images to set aside by a fixed seed, as `draw`, but never the last one of a class.

    Returns:
      Sorted indices; fewer than `count` where the classes have too few images.

    >>> labels = np.array([0, 0, 0, 0, 1, 2], np.int32)
    >>> labels[draw_aside(labels, size=6, count=5)].tolist()
    [0, 0, 0]
    """
    order = epoch_order(FIXED_SEED, 0, size)
    if labels is not None:
        order, last = _by_share(labels, order)
        order = order[~last]
    return np.sort(order[:count])


def _by_share(
    labels: Int32[np.ndarray, " n"], order: Int32[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """(indices such that classes share any first part of them, which are the last of a class)."""
    by_class = np.argsort(labels[order], kind="stable")
    sizes = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    size = np.repeat(sizes, sizes)
    shared = np.lexsort((by_class, (rank + 0.5) / size))
    return order[by_class[shared]], (rank == size - 1)[shared]


def set_aside(dataset: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """Splits off `count` images, drawn by a fixed seed; every class keeps at least one.

    Returns:
      (the rest, which keeps notes and skipped files; the images that were split off, fewer than
      `count` where classes have too few images).
    """
    size = len(dataset.images)
    chosen = draw_aside(dataset.labels, size=size, count=count)
    rest = np.setdiff1d(np.arange(size), chosen)
    origin = f"{100 * count / size:.3g} % of train, seed {FIXED_SEED}"
    aside = take(dataset, chosen)._replace(skipped=(), notes=(), reasons=(), origin=origin)
    return take(dataset, rest), aside


def with_test(dataset: Dataset) -> tuple[Dataset, Dataset | None]:
    """Makes a test set of a tenth of a set that came without one.

    Returns:
      (train, with a note about classes that have too few images to be tested on; test, which is
      None if the set is unlabelled or no class has two images).
    """
    if dataset.labels is None:
        return dataset, None
    train, test = set_aside(dataset, math.ceil(TEST_PART * len(dataset.images)))
    train = train._replace(notes=train.notes + tuple(_absent(train, test)))
    share = f"{TEST_PART * 100:.3g} % of train, seed {FIXED_SEED}"
    return train, test._replace(origin=share) if len(test.images) else None


def _absent(train: Dataset, test: Dataset) -> Iterator[str]:
    """A note that names the classes of which no image was set aside."""
    assert train.labels is not None and test.labels is not None
    counts = np.bincount(train.labels, minlength=len(train.classes))
    few = np.setdiff1d(np.unique(train.labels), test.labels)
    if len(few):
        named = ", ".join(f"{train.classes[label]} ({counts[label]:,})" for label in few[:NAMED])
        named += ", ..." if len(few) > NAMED else ""
        noun = "class has" if len(few) == 1 else "classes have"
        stay = "stays" if len(few) == 1 else "stay"
        yield f"{len(few):,} {noun} too few images for the test set and {stay} in train: {named}"


def split(train: Dataset, *, holdout: int, limit: int, seed: int) -> tuple[Dataset, Dataset | None]:
    """Splits a training set into images to train on and images to hold out.

    Args:
      train: the whole training set.
      holdout: number of images to hold out; the same images for every seed.
      limit: number of training images to draw by `seed` from the rest; 0 takes all of them.
      seed: of the run.

    Returns:
      (training images, held-out images); the latter is None where `holdout` is 0.

    Raises:
      UserError: if the set has too few images.
    """
    held_out = None
    if holdout:
        size = len(train.images)
        rule = f"images must leave some of the {size} training images"
        require(0 < holdout < size, "holdout", holdout, rule)
        used = 1 if train.labels is None else len(np.unique(train.labels))
        rule = f"images of {size} must leave one of each of the {used} classes to train on"
        require(holdout <= size - used, "holdout", holdout, rule)
        train, held_out = set_aside(train, holdout)
    if limit:
        size = len(train.images)
        rule = f"must be 0 (all) or at most {size}, the number of training images"
        require(0 < limit <= size, "limit", limit, rule)
        train = take(train, draw(train.labels, size=size, count=limit, seed=seed))
    return train, held_out
