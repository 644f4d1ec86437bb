"""Arrays in PATH/train.npz and PATH/test.npz: image uint8 [N, H, W, C], label integers [N].

Labels are optional. Without a test.npz, a tenth of a labelled training set becomes the test set.
"""

import pathlib
import zipfile
import zlib

import numpy as np

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import with_test
from ssl_jax.errors import UserError, require


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset | None]:
    """Loads the arrays; each class is named after its number.

    Returns:
      (train, test); test is None if there is no test.npz and the training set is unlabelled.

    Raises:
      UserError: if train.npz is missing or an archive does not contain such arrays.
    """
    del image_size, channels
    folder = pathlib.Path(path).expanduser()
    valid = bool(path) and (folder / "train.npz").is_file()
    require(valid, "path", path, "must be a folder that contains train.npz")
    train = _read(folder / "train.npz")
    if not (folder / "test.npz").is_file():
        return with_test(train)
    test = _read(folder / "test.npz")
    if (train.labels is None) != (test.labels is None):
        raise UserError(
            f"either both or neither of train.npz and test.npz in {path} must have labels"
        )
    if train.images.shape[1:] != test.images.shape[1:]:
        raise UserError(
            f"train.npz and test.npz in {path} must have images of the same shape, not "
            f"{train.images.shape[1:]} and {test.images.shape[1:]}"
        )
    classes = max(train.classes, test.classes, key=len)
    return train._replace(classes=classes), test._replace(classes=classes)


def _read(file: pathlib.Path) -> Dataset:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            images = arrays["image"]
            labels = arrays.get("label")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file} cannot be read: {error}".replace("\n", " ")) from error
    if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
        raise UserError(
            f"image in {file} must be uint8 [N, H, W, C], not {images.dtype} {list(images.shape)}"
        )
    if labels is None:
        return Dataset(images, None, ())
    integers = np.issubdtype(labels.dtype, np.integer)
    if not integers or labels.shape != images.shape[:1] or labels.min() < 0:
        raise UserError(
            f"label in {file} must be non-negative integers [{len(images)}], "
            f"not {labels.dtype} {list(labels.shape)}"
        )
    classes = tuple(str(number) for number in range(labels.max() + 1))
    return Dataset(images, labels.astype(np.int32), classes)
