"""CIFAR-10 and CIFAR-100 from the official Python archive, or as TensorFlow Datasets prepared them.

A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009).
"""

import pathlib
from typing import NamedTuple

import numpy as np

from ssl_jax.data.archives import official, tfds
from ssl_jax.data.archives.pickles import read_entries
from ssl_jax.data.dataset import Dataset
from ssl_jax.errors import Problem, UserError, require


class Layout(NamedTuple):
    """The files of an official archive.

    name: of the set in TensorFlow Datasets.
    archive: the official archive.
    folder: name of the unpacked folder.
    train: files of the training images.
    test: files of the test images.
    labels: key of the labels in these files.
    meta: file of the class names.
    classes: key of the class names in that file.
    """

    name: str
    archive: official.Archive
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: bytes
    meta: str
    classes: bytes


def archive(file: str, *, md5: str) -> official.Archive:
    """An archive at the address of its author, who has moved."""
    homes = ("https://www.cs.toronto.edu/~kriz", "https://cave.cs.toronto.edu/kriz")
    return official.Archive(file, tuple(f"{home}/{file}" for home in homes), md5)


def load(layout: Layout, *, path: str) -> tuple[Dataset, Dataset]:
    """Loads one of the two sets; the official archive is downloaded where there is nothing else.

    Args:
      layout: of the set.
      path: the official folder, the folder that contains it or its archive, or the data folder of
        TensorFlow Datasets ("" for its default).

    Returns:
      (train, test), images uint8 [N, 32, 32, 3].

    Raises:
      UserError: if the files are not those of the archive, or if there are none and it cannot be
        downloaded.
    """
    root = pathlib.Path(path).expanduser()
    require(not path or root.is_dir(), "path", path, "must be a folder")
    root = root if path else official.default_folder()
    for folder in (root / layout.folder, root):
        if (folder / layout.meta).is_file():
            return _parts(folder, layout)
    if (root / layout.name).is_dir():
        prepared = tfds.open_set(tfds.find(layout.name, root))
        options = {"image_size": prepared.side, "channels": 3}
        train = tfds.read_split(prepared, "train", **options)
        return train, tfds.read_split(prepared, "test", **options)
    try:
        official.unpack(layout.archive, root)
    except UserError as error:
        rule = f"must contain {layout.folder}, the unpacked Python archive: {error}"
        problem = Problem("path", path, rule)
        raise UserError(str(problem), problem) from error
    return _parts(root / layout.folder, layout)


def _parts(folder: pathlib.Path, layout: Layout) -> tuple[Dataset, Dataset]:
    """(train, test) of an official folder."""
    return _read(folder, layout.train, layout), _read(folder, layout.test, layout)


def _read(folder: pathlib.Path, files: tuple[str, ...], layout: Layout) -> Dataset:
    (classes,) = read_entries(folder / layout.meta, layout.classes)
    images, labels = [], []
    for name in files:
        data, numbers = read_entries(folder / name, b"data", layout.labels)
        try:
            # A row holds one channel after the other.
            images.append(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            labels.append(np.array(numbers, np.int32))
            valid = data.dtype == np.uint8 and labels[-1].shape == (len(data),)
            valid = valid and set(numbers) <= set(range(len(classes)))
        except (AttributeError, TypeError, ValueError):
            valid = False
        if not valid:
            raise UserError(f"{folder / name} must contain 3072 bytes and a class number per image")
    classes = tuple(name.decode() for name in classes)
    return Dataset(np.concatenate(images), np.concatenate(labels), classes)
