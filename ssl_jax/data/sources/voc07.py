"""PASCAL VOC 2007, classification: 5,011 + 4,952 colour images with any of 20 classes in each.

    PATH/VOCdevkit/VOC2007/JPEGImages/000005.jpg
    PATH/VOCdevkit/VOC2007/ImageSets/Main/CLASS_trainval.txt   CLASS_test.txt

M. Everingham et al.: The PASCAL Visual Object Classes Challenge, IJCV 2010. A list has a line for
each image: its number and 1 (present), -1 (absent) or 0 (present, but only in objects that are
marked as difficult). The lists of the test images come in an archive of their own.
"""

import dataclasses
import os
import pathlib

import numpy as np

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.files import Files
from ssl_jax.errors import UserError

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """(trainval, test) with `presence` instead of labels; images stay in their files.

    Args:
      path: VOC2007, VOCdevkit, or the folder that holds VOCdevkit.
      image_size: side to which images are brought; they differ in size, so it may not be 0.
      channels: 1 or 3; 0 is 3.

    Raises:
      UserError: where there is no such folder, a list or an image that it names is missing, a
        list is not of the form above, or `image_size` is 0.
    """
    files = folders.open_folder(path, image_size=image_size, channels=channels)
    for inside in ("VOCdevkit/VOC2007", "VOC2007", ""):
        root = os.path.join(files.root, inside)
        if os.path.isdir(os.path.join(root, "ImageSets", "Main")):
            files = dataclasses.replace(files, root=root)
            return _part(files, "trainval"), _part(files, "test")
    raise UserError(f"config.data.path {path!r} must hold VOCdevkit/VOC2007/ImageSets/Main")


def _part(files: Files, part: str) -> Dataset:
    """The images that all lists of the part name, in their order."""
    lists = pathlib.Path(files.root, "ImageSets", "Main")
    rows = {name: _read(lists / f"{name}_{part}.txt") for name in CLASSES}
    numbers = list(rows[CLASSES[0]])
    for name, row in rows.items():
        if list(row) != numbers:
            raise UserError(
                f"{lists / f'{name}_{part}.txt'} must name the same images as that of {CLASSES[0]}"
            )
    names = tuple(os.path.join("JPEGImages", f"{number}.jpg") for number in numbers)
    try:
        sizes = tuple(os.path.getsize(os.path.join(files.root, name)) for name in names)
    except OSError as error:
        raise UserError(f"{lists} names an image that is not there: {error.filename}") from error
    presence = np.array([list(row.values()) for row in rows.values()], np.int8).T
    images = dataclasses.replace(files, names=names, sizes=sizes)
    return folders.readable(Dataset(images, None, CLASSES, presence=presence))


def _read(file: pathlib.Path) -> dict[str, int]:
    """Presence of the class by the number of the image."""
    rows = [line.split() for line in folders.read_lines(file) if line.strip()]
    for row in rows:
        if len(row) != 2 or row[1] not in ("-1", "0", "1"):
            raise UserError(f"{file} must have lines of an image and -1, 0 or 1, not {row}")
    return {number: int(value) for number, value in rows}
