"""Tiny ImageNet: 100,000 + 10,000 colour images of 200 classes of ImageNet, 64 x 64.

    PATH/wnids.txt
    PATH/train/CLASS/images/*.JPEG
    PATH/val/images/*.JPEG   PATH/val/val_annotations.txt

Y. Le, X. Yang: Tiny ImageNet Visual Recognition Challenge, CS 231N (2015). The official folder,
tiny-imagenet-200. Its test images have no published labels, so those in val/ are the test set.
Where val/ was sorted into class folders, it is a set for `folder`.
"""

import dataclasses
import os

import numpy as np

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.files import Files
from ssl_jax.errors import UserError

FOLDER = "tiny-imagenet-200"


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """(train, test) with images that stay in their files; classes are called by their wnids.

    Args:
      path: the official folder, or the folder that holds it.
      image_size: side to which images are brought; 0 leaves them at 64.
      channels: 1 or 3; 0 is 3, to which the grey images are brought too.

    Raises:
      UserError: where there is no such folder, or a file or class in it is missing, or the
        annotations are not those of the images in val/.
    """
    files = folders.open_folder(path, image_size=image_size, channels=channels)
    inside = os.path.join(files.root, FOLDER)
    if os.path.isdir(inside):
        files = dataclasses.replace(files, root=inside)
    classes = folders.read_classes(os.path.join(files.root, "wnids.txt"))
    train = folders.readable(folders.find_images(files, "train", wanted=classes))
    files = dataclasses.replace(files, image_size=train.images.shape[1])
    return train, folders.readable(_validation(files, classes))


def _validation(files: Files, classes: tuple[str, ...]) -> Dataset:
    """The images in val/ with the labels that the annotations give them."""
    found = folders.find_images(files, os.path.join("val", "images")).images
    assert isinstance(found, Files)
    file = os.path.join(files.root, "val", "val_annotations.txt")
    rows = [line.split("\t") for line in folders.read_lines(file)]  # image, class, its box
    class_of = {row[0]: row[1] for row in rows if len(row) > 1}
    if wrong := set(class_of.values()) - set(classes):
        raise UserError(f"{file} has {min(wrong)}, which wnids.txt does not list")
    names = [os.path.basename(name) for name in found.names]
    if differing := set(class_of) ^ set(names):
        raise UserError(f"{file} must have a line for each image in val/images: {min(differing)}")
    labels = np.array([classes.index(class_of[name]) for name in names], np.int32)
    return Dataset(found, labels, classes)
