"""Subsets of the labelled images: the fixed tenth, the draw and the official lists."""

from pathlib import Path

import numpy as np
import pytest

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import set_aside
from ssl_jax.errors import UserError
from ssl_jax.evaluation.label_subset import draw_share, fixed_tenth, listed

NAMES = ("train/n01/n01_7.JPEG", "train/n01/n01_12.JPEG", "train/n02/n02_3.JPEG")


@pytest.mark.parametrize("labelled", [True, False])
def test_the_fixed_tenth_is_what_set_aside_draws(labelled: bool) -> None:
    labels = np.random.default_rng(0).integers(0, 7, 123) if labelled else None
    images = np.arange(123, dtype=np.uint8).reshape(123, 1, 1, 1)
    known = None if labels is None else labels.astype(np.int32)
    rest, tenth = fixed_tenth(labels, size=123)
    assert len(tenth) == 13
    for rows, part in zip((rest, tenth), set_aside(Dataset(images, known, ()), 13), strict=True):
        assert isinstance(part.images, np.ndarray)
        np.testing.assert_array_equal(images[rows], part.images)


def test_every_class_gives_its_share() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [600, 300, 100]))
    rows = draw_share(labels.astype(np.int32), 0.1, seed=3)
    assert np.bincount(labels[rows]).tolist() == [60, 30, 10]
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, draw_share(labels.astype(np.int32), 0.1, seed=3))
    assert (rows != draw_share(labels.astype(np.int32), 0.1, seed=4)).any()


def test_a_rare_class_gives_one_image() -> None:
    labels = np.repeat([0, 1, 2], [996, 3, 1]).astype(np.int32)
    rows = draw_share(labels, 0.01, seed=0)
    assert np.bincount(labels[rows]).tolist() == [10, 1, 1]


def test_a_share_below_an_image_a_class_is_refused() -> None:
    with pytest.raises(UserError, match="1% of 250 training images are 2, fewer than the 5"):
        draw_share((np.arange(250) % 5).astype(np.int32), 0.01, seed=0)


def test_the_images_of_a_list(tmp_path: Path) -> None:
    file = tmp_path / "1percent.txt"
    file.write_text("n02_3.JPEG\r\nn01_7.JPEG\n\nn02_3.JPEG\n")
    assert listed(NAMES, file).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("names", "text", "message"),
    [
        (NAMES, "\n \n", "names no image"),
        (NAMES, "n02_3.JPEG\nn03_1.JPEG\nn04_1.JPEG", "^2 of the 3 .* the first is n03_1.JPEG$"),
        (("a/1.png", "b/1.png"), "1.png", "names 1.png, but the training set has 2"),
    ],
)
def test_lists_that_do_not_fit(
    names: tuple[str, ...], text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "list.txt"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        listed(names, file)


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        listed(NAMES, tmp_path / "none.txt")
