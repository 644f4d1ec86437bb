"""Two data sets as one."""

import dataclasses

import numpy as np

from ssl_jax.data.dataset import Dataset, gather
from ssl_jax.data.files import Files


def join(first: Dataset, second: Dataset) -> Dataset:
    """The images of both, in that order; files stay files, whatever else is stored is read.

    Both have the same classes, and both or neither of them labels (or presence).
    """
    a, b = first.images, second.images
    if isinstance(a, Files) and isinstance(b, Files):
        images = dataclasses.replace(a, names=a.names + b.names, sizes=a.sizes + b.sizes)
    else:
        images = np.concatenate([gather(stored, np.arange(len(stored))) for stored in (a, b)])
    return first._replace(
        images=images,
        labels=_rows(first.labels, second.labels),
        presence=_rows(first.presence, second.presence),
        skipped=first.skipped + second.skipped,
    )


def _rows(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])
