"""CIFAR-10 and CIFAR-100 from the official python archive, or else from TensorFlow Datasets.

A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009).
"""

import pathlib
from typing import NamedTuple

import numpy as np

from ssl_jax.data.archives import tfds
from ssl_jax.data.archives.pickles import read_entries
from ssl_jax.data.dataset import Dataset
from ssl_jax.errors import UserError


class Layout(NamedTuple):
    """The folder in the official archive, its files, and the keys of what they hold."""

    name: str
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: bytes
    meta: str
    classes: bytes


def load(layout: Layout, *, path: str) -> tuple[Dataset, Dataset]:
    """(train, test), images uint8 [N, 32, 32, 3].

    Args:
      layout: of the set.
      path: the official folder, the folder that holds it, or TFDS's data folder ("" for TFDS's
        default).

    Raises:
      UserError: where the files are not those of the archive, or there are none and TFDS cannot
        prepare the set.
    """
    root = pathlib.Path(path).expanduser()
    if path and not root.is_dir():
        raise UserError(f"config.data.path {path!r} must be a folder")
    for folder in (root / layout.folder, root):
        if path and (folder / layout.meta).is_file():
            train = _read(folder, layout.train, layout)
            return train, _read(folder, layout.test, layout)
    try:
        train, test = tfds.load(layout.name, path=str(root) if path else "")
    except UserError as error:
        raise UserError(
            f"config.data.path {path!r} must hold {layout.folder} (the python archive, unpacked), "
            f"or TensorFlow Datasets must have {layout.name}: {error}"
        ) from error
    return train, test


def _read(folder: pathlib.Path, files: tuple[str, ...], layout: Layout) -> Dataset:
    (classes,) = read_entries(folder / layout.meta, layout.classes)
    images, labels = [], []
    for name in files:
        data, numbers = read_entries(folder / name, b"data", layout.labels)
        try:
            # Rows are channel after channel.
            images.append(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            labels.append(np.array(numbers, np.int32))
            valid = data.dtype == np.uint8 and labels[-1].shape == (len(data),)
            valid = valid and set(numbers) <= set(range(len(classes)))
        except (AttributeError, TypeError, ValueError):
            valid = False
        if not valid:
            raise UserError(f"{folder / name} must hold 3072 bytes and a class number per image")
    classes = tuple(name.decode() for name in classes)
    return Dataset(np.concatenate(images), np.concatenate(labels), classes)
