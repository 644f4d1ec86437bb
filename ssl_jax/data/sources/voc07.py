"""PASCAL VOC 2007, classification: 5,011 + 4,952 colour images, each with any number of 20 classes.

    PATH/VOCdevkit/VOC2007/JPEGImages/000005.jpg
    PATH/VOCdevkit/VOC2007/ImageSets/Main/CLASS_trainval.txt   CLASS_test.txt

M. Everingham et al.: The PASCAL Visual Object Classes Challenge, IJCV 2010. A list has one line per
image: its number and 1 (present), -1 (absent) or 0 (present, but only in objects that are marked as
difficult). The lists of the test images come in a separate archive.
"""

import dataclasses
import os
import pathlib

import numpy as np

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import Problem, UserError

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """Loads the set, with `presence` instead of labels; images stay in their files.

    Args:
      path: VOC2007, VOCdevkit, or the folder that contains VOCdevkit.
      image_size: side in pixels that images are resized to; not 0, since they differ in size.
      channels: 1 (grey) or 3 (RGB); 0 means 3.

    Returns:
      (trainval, test).

    Raises:
      UserError: if there is no such folder, if a list or an image that it names is missing, if a
        list is not of the form above, or if `image_size` is 0.
    """
    files = folders.open_folder(path, image_size=image_size, channels=channels)
    for inside in ("VOCdevkit/VOC2007", "VOC2007", ""):
        root = os.path.join(files.root, inside)
        if os.path.isdir(os.path.join(root, "ImageSets", "Main")):
            files = dataclasses.replace(files, root=root)
            return _part(files, "trainval"), _part(files, "test")
    problem = Problem("path", path, "must contain VOCdevkit/VOC2007/ImageSets/Main")
    raise UserError(str(problem), problem)


def _part(files: ImageFiles, part: str) -> Dataset:
    """The images that the lists of a part name, in the order of the lists."""
    lists = pathlib.Path(files.root, "ImageSets", "Main")
    rows = {name: _read(lists / f"{name}_{part}.txt") for name in CLASSES}
    numbers = list(rows[CLASSES[0]])
    for name, row in rows.items():
        if list(row) != numbers:
            raise UserError(
                f"{lists / f'{name}_{part}.txt'} must name the same images as the list of "
                f"{CLASSES[0]}"
            )
    names = tuple(os.path.join("JPEGImages", f"{number}.jpg") for number in numbers)
    try:
        sizes = tuple(os.path.getsize(os.path.join(files.root, name)) for name in names)
    except OSError as error:
        raise UserError(f"{lists} names an image that does not exist: {error.filename}") from error
    presence = np.array([list(row.values()) for row in rows.values()], np.int8).T
    images = dataclasses.replace(files, names=names, sizes=sizes)
    return folders.readable(Dataset(images, None, CLASSES, presence=presence))


def _read(file: pathlib.Path) -> dict[str, int]:
    """Reads a list: {number of the image: presence of the class}."""
    rows = [line.split() for line in read_lines(file) if line.strip()]
    for row in rows:
        if len(row) != 2 or row[1] not in ("-1", "0", "1"):
            raise UserError(f"{file} must have an image and -1, 0 or 1 on each line, not {row}")
    return {number: int(value) for number, value in rows}
