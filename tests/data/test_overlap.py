"""Test images that are also training images, against a comparison of all pairs."""

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data import overlap
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.join import JoinedEncoded
from ssl_jax.data.load import load
from ssl_jax.data.overlap import Overlap, find_overlap
from ssl_jax.data.sources import digits
from ssl_jax.data.summary import summary


def splits(train, test, labelled=None):
    parts = (Dataset(train, None, ()), None, Dataset(test, None, ()))
    return Splits(*parts, labelled and Dataset(labelled, None, ()))


@pytest.mark.parametrize("side", [1, 3, 12])
def test_arrays_against_all_pairs(side):
    rng = np.random.default_rng(side)
    images = rng.integers(0, 2, (60, side, side, 3), np.uint8)
    train, test = images[:40], images[30:].copy()
    test[0, 0, 0, 1] ^= 1  # one pixel, which the sample of large images leaves out
    expected = sum(any(np.array_equal(a, b) for b in train) for a in test)
    found = find_overlap(splits(train, test))
    assert found == Overlap(expected, 30, 30)
    if side == 12:
        assert expected == 9
        lines = list(summary(splits(train, test), found))
        assert lines[1] == "9 of the 30 test images are also training images"
        apart = splits(train, test[10:])
        assert len(list(summary(apart, find_overlap(apart)))) == 1


def test_images_that_probes_learn_from_count_too():
    images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2, 1)
    found = find_overlap(
        splits(images[:2], images[1:5])._replace(labelled=Dataset(images[3:], None, ()))
    )
    assert found == Overlap(3, 4, 4)


def test_digits_are_compared_and_sets_without_a_test_set_are_not():
    train, test, *_ = digits.load(path="", image_size=0, channels=0)
    expected = {image.tobytes() for image in train.images} & {i.tobytes() for i in test.images}
    assert find_overlap(Splits(train, None, test)) == Overlap(
        len(expected), len(test.images), len(test.images)
    )
    assert find_overlap(Splits(train, None, None)) is None


def photos(folder, seeds, side, below="."):
    """Images of both classes; one seed is one image, whatever it is called."""
    for place, seed in enumerate(seeds):
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
        path = folder / "ab"[place % 2] / below / f"{folder.name}{place}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def files(folder):
    loaded = load("folder", path=str(folder), image_size=8)
    return Splits(loaded.train, None, loaded.test)


def test_files_under_other_names(tmp_path, monkeypatch):
    photos(tmp_path / "train", range(10), 9)
    photos(tmp_path / "test", [20, 21, 3, 22, 5, 5], 9)  # bitmaps of one size in bytes
    found = files(tmp_path)
    assert find_overlap(found) == Overlap(3, 6, 6)
    # What would cost too much is not read, and not claimed.
    monkeypatch.setattr(overlap, "MOST_READ", 15)
    assert find_overlap(found) == Overlap(0, 0, 6)
    photos(tmp_path / "train", [40, 41], 20, "larger")
    photos(tmp_path / "test", [41, 43], 20, "larger")
    photos(tmp_path / "test", [50, 51], 30, "alone")
    found = files(tmp_path)
    assert [str(find_overlap(found)), find_overlap(found)] == [
        "1 of the 4 test images that were looked at is also a training image",
        Overlap(1, 4, 10),
    ]


def test_a_file_that_cannot_be_read_is_not_counted(tmp_path):
    photos(tmp_path / "train", range(4), 9)
    photos(tmp_path / "test", range(4), 9)
    found = files(tmp_path)
    next((tmp_path / "test").rglob("test2.bmp")).unlink()
    assert find_overlap(found) == Overlap(3, 3, 4)


def test_joined_sets_know_the_sizes_of_their_images(tmp_path):
    photos(tmp_path / "train", range(4), 9)
    photos(tmp_path / "test", [3, 2, 9, 8], 7)
    parts = files(tmp_path)
    both = JoinedEncoded(
        first=parts.train.images,
        second=parts.test.images,
        numbers=np.array([7, 0, 3, 4]),
        image_size=8,
        channels=3,
    )
    assert both.stored_sizes().tolist() == [len(both.read(index)) for index in range(4)]
    found = find_overlap(Splits(parts.train, None, parts.test._replace(images=both)))
    assert found == Overlap(2, 4, 4)
