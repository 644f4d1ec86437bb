"""Joins two data sets."""

import dataclasses

import numpy as np

from ssl_jax.data.dataset import Dataset, gather
from ssl_jax.data.files import ImageFiles


def join(first: Dataset, second: Dataset) -> Dataset:
    """Appends the images of `second` to those of `first`.

    Image files are not read; other stored images are. Both data sets must have the same classes,
    and either both or neither must have labels (or presence).
    """
    a, b = first.images, second.images
    if isinstance(a, ImageFiles) and isinstance(b, ImageFiles):
        images = dataclasses.replace(a, names=a.names + b.names, sizes=a.sizes + b.sizes)
    else:
        images = np.concatenate([gather(stored, np.arange(len(stored))) for stored in (a, b)])
    return first._replace(
        images=images,
        labels=_concatenate(first.labels, second.labels),
        presence=_concatenate(first.presence, second.presence),
        skipped=first.skipped + second.skipped,
    )


def _concatenate(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])
