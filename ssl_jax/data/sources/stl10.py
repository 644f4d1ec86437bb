"""STL-10: 100,000 unlabelled, 5,000 labelled and 8,000 test images in colour, 96 x 96.

A. Coates, H. Lee, A. Y. Ng: An Analysis of Single-Layer Networks in Unsupervised Feature Learning,
AISTATS 2011. Methods learn from the unlabelled images, probes from all labelled ones (not from the
authors' ten folds of 1,000 images), which are divided equally among ten classes.
"""

import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.archives import official, tfds
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import Problem, UserError, require

FOLDER = "stl10_binary"
ARCHIVE = official.Archive(
    file="stl10_binary.tar.gz",
    urls=("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
    md5="91f7769df0f17e558f3565bffb0c7dfb",
)
SIDE = 96
BYTES = 3 * SIDE * SIDE


@dataclasses.dataclass(frozen=True, eq=False)
class BinaryImages:
    """Images of one file of the binary archive, as `StoredImages`.

    The file stores an image channel by channel, and each channel column by column.

    file: its path.
    numbers: positions of the images in the file, in order.
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
        """Reads an image.

        Raises:
          UserError: if the file can no longer be read.
        """
        start = BYTES * int(self.numbers[index])
        try:
            pixels = np.fromfile(self.file, np.uint8, count=BYTES, offset=start)
            return pixels.reshape(3, SIDE, SIDE).transpose(2, 1, 0)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.file} has become unreadable: {error!r}") from error

    def subset(self, indices: Int[np.ndarray, " m"]) -> "BinaryImages":
        """The images at `indices`, in that order."""
        return dataclasses.replace(self, numbers=self.numbers[indices])

    def identity(self) -> str:
        """Name of the file and positions of the images."""
        numbers = hashlib.sha256(self.numbers.astype("<i8").tobytes()).hexdigest()
        return json.dumps([os.path.basename(self.file), numbers])


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset, Dataset]:
    """Loads the set; images stay in the files of the official binary archive.

    Args:
      path: the official folder, the folder that contains it or its archive, or the data folder of
        TensorFlow Datasets ("" for its default). The archive is downloaded where there is nothing
        else.
      image_size: must be 0 or 96.
      channels: must be 0 or 3.

    Returns:
      (unlabelled, test, labelled).

    Raises:
      UserError: if a file is missing or not that of the archive, or if there are none and the
        archive cannot be downloaded.
    """
    del image_size, channels
    root = pathlib.Path(path).expanduser()
    require(not path or root.is_dir(), "path", path, "must be a folder")
    root = root if path else official.default_folder()
    for folder in (root / FOLDER, root):
        if (folder / "class_names.txt").is_file():
            return _parts(folder)
    if (root / "stl10").is_dir():
        prepared = tfds.open_set(tfds.find("stl10", root))
        options = {"image_size": prepared.side, "channels": 3}
        splits = ("unlabelled", "test", "train")
        unlabelled, test, train = (tfds.read_split(prepared, n, **options) for n in splits)
        return unlabelled, test, train
    try:
        official.unpack(ARCHIVE, root)
    except UserError as error:
        rule = f"must contain {FOLDER}, the unpacked binary archive: {error}"
        problem = Problem("path", path, rule)
        raise UserError(str(problem), problem) from error
    return _parts(root / FOLDER)


def _parts(folder: pathlib.Path) -> tuple[Dataset, Dataset, Dataset]:
    """(unlabelled, test, labelled) of an official folder."""
    unlabelled = Dataset(_images(folder / "unlabeled_X.bin"), None, ())
    return unlabelled, _labelled(folder, "test"), _labelled(folder, "train")


def _images(file: pathlib.Path) -> BinaryImages:
    try:
        size = os.path.getsize(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if size % BYTES or not size:
        raise UserError(
            f"{file} must have {BYTES} bytes per image, not {size} in all: is it truncated?"
        )
    return BinaryImages(str(file.absolute()), np.arange(size // BYTES))


def _labelled(folder: pathlib.Path, part: str) -> Dataset:
    images, file = _images(folder / f"{part}_X.bin"), folder / f"{part}_y.bin"
    classes = tuple(read_lines(folder / "class_names.txt"))
    try:
        labels = np.fromfile(file, np.uint8)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if len(labels) != len(images) or not set(labels.tolist()) <= set(range(1, len(classes) + 1)):
        raise UserError(
            f"{file} must contain a class from 1 to {len(classes)} for each of {len(images)} images"
        )
    return Dataset(images, labels.astype(np.int32) - 1, classes)
