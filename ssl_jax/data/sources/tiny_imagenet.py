"""Tiny ImageNet: 100,000 training and 10,000 test images in colour, 64 x 64, 200 classes.

    PATH/wnids.txt
    PATH/train/CLASS/images/*.JPEG
    PATH/val/images/*.JPEG   PATH/val/val_annotations.txt

Y. Le, X. Yang: Tiny ImageNet Visual Recognition Challenge, CS 231N (2015). The classes are from
ImageNet; the official folder is tiny-imagenet-200. Its test images have no published labels, so
those in val/ are the test set. If val/ has been sorted into class folders, use `folder` instead.
"""

import dataclasses
import os

import numpy as np

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.text_files import read_classes, read_lines
from ssl_jax.errors import UserError

FOLDER = "tiny-imagenet-200"


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """Loads the set; images stay in their files, and classes are named by their WordNet ids.

    Args:
      path: the official folder, or the folder that contains it.
      image_size: side in pixels that images are resized to; 0 leaves them at 64.
      channels: 1 (grey) or 3 (RGB), to which all images are converted; 0 means 3.

    Returns:
      (train, test).

    Raises:
      UserError: if there is no such folder, if a file or class is missing from it, or if the
        annotations do not match the images in val/.
    """
    files = folders.open_folder(path, image_size=image_size, channels=channels)
    inside = os.path.join(files.root, FOLDER)
    if os.path.isdir(inside):
        files = dataclasses.replace(files, root=inside)
    classes = read_classes(os.path.join(files.root, "wnids.txt"))
    train = folders.readable(folders.find_images(files, "train", listed=classes))
    files = dataclasses.replace(files, image_size=train.images.shape[1])
    return train, folders.readable(_validation(files, classes))


def _validation(files: ImageFiles, classes: tuple[str, ...]) -> Dataset:
    """The images in val/ with their labels from the annotations."""
    images = folders.find_images(files, os.path.join("val", "images")).images
    assert isinstance(images, ImageFiles)
    file = os.path.join(files.root, "val", "val_annotations.txt")
    rows = [line.split("\t") for line in read_lines(file)]  # image, class, bounding box
    class_of = {row[0]: row[1] for row in rows if len(row) > 1}
    if wrong := set(class_of.values()) - set(classes):
        raise UserError(f"{file} names class {min(wrong)}, which wnids.txt does not list")
    names = [os.path.basename(name) for name in images.names]
    if differing := set(class_of) ^ set(names):
        raise UserError(f"{file} must have one line per image in val/images; see {min(differing)}")
    labels = np.array([classes.index(class_of[name]) for name in names], np.int32)
    return Dataset(images, labels, classes)
