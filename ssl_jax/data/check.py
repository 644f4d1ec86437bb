"""Whether a user's own loader returned what a data set is."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ssl_jax.data.dataset import Dataset, Loaded, StoredImages
from ssl_jax.errors import Problem

CHANNELS = (1, 3)


def loaded_problems(name: str, found: Any) -> Iterator[Problem]:
    """Problems of what the `load` of a module returned.

    Args:
      name: of the module.
      found: should be (train, test or None), or (train, test, labelled or None).
    """
    if not isinstance(found, tuple) or len(found) not in (2, 3) or isinstance(found, Dataset):
        what = f"must return (train, test) or (train, test, labelled), not {type(found).__name__}"
        yield Problem("name", name, what)
        return
    for part, dataset in zip(Loaded._fields, found, strict=False):
        if dataset is None and part != "train":
            continue
        for what in _faults(dataset):
            yield Problem("name", name, f"returned as {part} {what}")


def _faults(dataset: Any) -> Iterator[str]:
    """What is wrong with one part, a clause that follows "returned"."""
    if not isinstance(dataset, Dataset):
        yield f"a {type(dataset).__name__}, not a ssl_jax.data.dataset.Dataset"
        return
    images = dataset.images
    if not isinstance(images, np.ndarray | StoredImages):
        yield f"images that are a {type(images).__name__}, neither an array nor StoredImages"
        return
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[-1] not in CHANNELS or not shape[0]:
        yield f"images of shape {list(shape)}, not [N, H, W, 1 or 3]"
        return
    if isinstance(images, np.ndarray) and images.dtype != np.uint8:
        yield f"images of {images.dtype}, not uint8 in [0, 255]"
    for key in ("labels", "presence"):
        values = getattr(dataset, key)
        if values is not None and len(values) != len(images):
            yield f"{len(values)} {key} for {len(images)} images"
    yield from _label_faults(dataset)


def _label_faults(dataset: Dataset) -> Iterator[str]:
    """Labels that are no class indices."""
    if dataset.labels is None:
        return
    labels = np.asarray(dataset.labels)
    if not np.issubdtype(labels.dtype, np.integer):
        yield f"labels of {labels.dtype}, not integers"
    elif labels.min() < 0 or labels.max() >= len(dataset.classes):
        span = f"{labels.min()} to {labels.max()}"
        yield f"labels {span} for {len(dataset.classes)} names of classes"
