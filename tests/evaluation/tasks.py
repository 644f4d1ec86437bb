"""Images of one colour per class, and small tasks on them."""

import numpy as np

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.devices import sharding
from ssl_jax.evaluation.task import Task, make_task
from tests import tiny

CLASSES = tuple("abcdefg")


def coloured(size: int, seed: int) -> Dataset:
    """8 x 8 images; the colours of classes overlap."""
    colours = np.random.default_rng(0).integers(0, 256, (len(CLASSES), 1, 1, 3))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), size)
    noise = rng.normal(0, 25, (size, 1, 1, 3)) + rng.normal(0, 5, (size, 8, 8, 3))
    images = np.clip(colours[labels] + noise, 0, 255).astype(np.uint8)
    return Dataset(images, labels.astype(np.int32), CLASSES)


def separable(size: int, *, classes: int, seed: int = 0) -> Dataset:
    """8 x 8 images of up to four classes in turn, whose colours do not overlap."""
    rng = np.random.default_rng(seed)
    corners = np.array([[8, 4, 2, 1], [1, 8, 4, 2], [2, 1, 8, 4]]).T  # one row per class
    labels = (np.arange(size) % classes).astype(np.int32)
    images = corners[labels][:, None, None] * 25 + rng.integers(-20, 21, (size, 8, 8, 3))
    return Dataset(np.clip(images, 0, 255).astype(np.uint8), labels, CLASSES[:classes])


def coloured_splits() -> Splits:
    """160 images to fit, 40 held out, 80 to test."""
    return Splits(coloured(160, 1), coloured(40, 2), coloured(80, 3))


def tiny_task(splits: Splits, *, crop: float = 1.0) -> Task:
    """A task of an untrained encoder that sees images at 8 pixels."""
    encoder = tiny.encoder({**tiny.NETWORK, "width": 8}, crop=crop)
    return make_task(encoder, splits, shardings=sharding.make(32), batch_size=32)


def separable_task() -> Task:
    """Four colours: 32 images to fit, 8 held out, 40 to test."""
    splits = Splits(
        separable(32, classes=4),
        separable(8, classes=4, seed=1),
        separable(40, classes=4, seed=2),
    )
    return make_task(tiny.encoder(), splits, shardings=sharding.make(8), batch_size=40)
