"""Two data sets joined into one."""

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data.dataset import Dataset, StoredImages, gather
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.join import join
from ssl_jax.errors import UserError

FIRST = Dataset(np.full((2, 4, 4, 3), 10, np.uint8), np.array([0, 1], np.int32), ("a", "b"), ("x",))
SECOND = Dataset(np.full((1, 4, 4, 3), 20, np.uint8), np.array([1], np.int32), ("a", "b"), ("y",))


def in_files(dataset, folder, prefix):
    names = tuple(f"{prefix}{index}.png" for index in range(len(dataset.images)))
    for name, image in zip(names, dataset.images, strict=True):
        Image.fromarray(image).save(folder / name)
    return dataset._replace(
        images=ImageFiles(str(folder), names, (1,) * len(names), image_size=4, channels=3)
    )


def test_images_labels_and_skipped_files_are_appended():
    joined = join(FIRST, SECOND)
    assert joined.images[:, 0, 0, 0].tolist() == [10, 10, 20]
    assert joined.labels.tolist() == [0, 1, 1] and joined.labels.dtype == np.int32
    assert joined.classes == ("a", "b") and joined.skipped == ("x", "y")
    assert joined.presence is None


def test_presence_is_appended_and_unlabelled_sets_stay_unlabelled():
    presence = np.array([[1, -1], [0, 1]], np.int8)
    first = FIRST._replace(labels=None, presence=presence)
    joined = join(first, SECOND._replace(labels=None, presence=presence[:1]))
    assert joined.labels is None and joined.presence.tolist() == [[1, -1], [0, 1], [1, -1]]


def test_image_files_are_joined_without_reading_them(tmp_path):
    first, second = in_files(FIRST, tmp_path, "a"), in_files(SECOND, tmp_path, "b")
    joined = join(first, second)
    assert joined.images == ImageFiles(
        str(tmp_path), ("a0.png", "a1.png", "b0.png"), (1, 1, 1), image_size=4, channels=3
    )
    assert [joined.images[index][0, 0, 0] for index in range(3)] == [10, 10, 20]


def test_files_and_arrays_are_joined_without_reading_the_files(tmp_path):
    second = in_files(SECOND, tmp_path, "b")
    joined = join(FIRST, second)
    assert isinstance(joined.images, StoredImages) and joined.images.shape == (3, 4, 4, 3)
    chosen = joined.images.subset(np.array([2, 0, 1])).subset(np.array([0, 2, 0]))
    assert gather(joined.images, np.arange(3))[:, 0, 0, 0].tolist() == [10, 10, 20]
    assert gather(chosen, np.arange(3))[:, 0, 0, 0].tolist() == [20, 10, 20]
    names = {images.identity() for images in (joined.images, chosen, join(FIRST, second).images)}
    assert len(names) == 2
    (tmp_path / "b0.png").unlink()
    assert join(FIRST, second).images[1][0, 0, 0] == 10  # not read
    with pytest.raises(UserError, match="b0.png"):
        joined.images[2]
