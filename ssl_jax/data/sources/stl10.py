"""STL-10: 100,000 unlabelled, 5,000 labelled and 8,000 test images in colour, 96 x 96.

A. Coates, H. Lee, A. Y. Ng: An Analysis of Single-Layer Networks in Unsupervised Feature Learning,
AISTATS 2011. Methods learn from the unlabelled images, probes from all the labelled ones (not from
the ten folds of 1,000 that the authors give), which are ten classes in equal parts.
"""

import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.archives import tfds
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.folders import read_lines
from ssl_jax.errors import UserError

FOLDER = "stl10_binary"
SIDE = 96
BYTES = 3 * SIDE * SIDE


@dataclasses.dataclass(frozen=True, eq=False)
class Records:
    """Images of one binary file, read when asked for.

    numbers: which images of the file, in order. In the file each channel of an image follows the
    other, column after column.
    """

    file: str
    numbers: Int[np.ndarray, " n"]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, 96, 96, 3)."""
        return len(self.numbers), SIDE, SIDE, 3

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "h w c"]:
        """The image.

        Raises:
          UserError: where the file can no longer be read.
        """
        start = BYTES * int(self.numbers[index])
        try:
            pixels = np.fromfile(self.file, np.uint8, count=BYTES, offset=start)
            return pixels.reshape(3, SIDE, SIDE).transpose(2, 1, 0)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.file} could be read before, now not: {error!r}") from error

    def subset(self, indices: Int[np.ndarray, " m"]) -> "Records":
        """The images at `indices`, in that order."""
        return dataclasses.replace(self, numbers=self.numbers[indices])

    def identity(self) -> str:
        """Name of the file and which of its images."""
        numbers = hashlib.sha256(self.numbers.astype("<i8").tobytes()).hexdigest()
        return json.dumps([os.path.basename(self.file), numbers])


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset, Dataset]:
    """(unlabelled, test, labelled); images stay in the files of the official binary archive.

    Args:
      path: the official folder, the folder that holds it, or TFDS's data folder ("" for TFDS's
        default), from which images are read into memory.
      image_size: must be 0 or that of the images.
      channels: likewise.

    Raises:
      UserError: where a file is missing or not that of the archive, or there are none and TFDS
        cannot prepare the set.
    """
    del image_size, channels
    root = pathlib.Path(path).expanduser()
    if path and not root.is_dir():
        raise UserError(f"config.data.path {path!r} must be a folder")
    for folder in (root / FOLDER, root):
        if path and (folder / "class_names.txt").is_file():
            unlabelled = Dataset(_images(folder / "unlabeled_X.bin"), None, ())
            return unlabelled, _labelled(folder, "test"), _labelled(folder, "train")
    try:
        splits = ("unlabelled", "test", "train")
        unlabelled, test, train = tfds.load("stl10", path=str(root) if path else "", splits=splits)
    except UserError as error:
        raise UserError(
            f"config.data.path {path!r} must hold {FOLDER} (the binary archive, unpacked), "
            f"or TensorFlow Datasets must have stl10: {error}"
        ) from error
    return unlabelled, test, train


def _images(file: pathlib.Path) -> Records:
    try:
        size = os.path.getsize(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if size % BYTES or not size:
        raise UserError(f"{file} must have {BYTES} bytes an image, but has {size}: is it cut off?")
    return Records(str(file.absolute()), np.arange(size // BYTES))


def _labelled(folder: pathlib.Path, part: str) -> Dataset:
    images, file = _images(folder / f"{part}_X.bin"), folder / f"{part}_y.bin"
    classes = tuple(read_lines(folder / "class_names.txt"))
    try:
        labels = np.fromfile(file, np.uint8)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if len(labels) != len(images) or not set(labels.tolist()) <= set(range(1, len(classes) + 1)):
        raise UserError(
            f"{file} must hold a class from 1 to {len(classes)} for each of {len(images)} images"
        )
    return Dataset(images, labels.astype(np.int32) - 1, classes)
