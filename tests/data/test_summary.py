"""The first lines of a run."""

import numpy as np

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.summary import origins, summary

IMAGES = np.zeros((1200, 2, 2, 1), np.uint8)


def test_parts_classes_notes_and_skipped_files():
    classes = tuple(f"c{index:02}" for index in range(12))
    labels = (np.arange(1200) % 12).astype(np.int32)
    train = Dataset(
        IMAGES, labels, classes, ("a.png",), origin="PHOTOS/train", notes=("one", "two")
    )
    held = train._replace(images=IMAGES[:1], origin="a bit of it", skipped=(), notes=("one",))
    first, *others = summary(Splits(train, held, None))
    assert first == (
        "train: PHOTOS/train (1,200 images), 12 classes (c00, c01, c02, c03, c04, ..., c11); "
        "holdout: a bit of it (1 image)"
    )
    assert others == ["one", "two", "train: skipped 1 unreadable image file: a.png"]
    assert origins(Splits(train, held, None)) == {
        "train": "PHOTOS/train",
        "holdout": "a bit of it",
    }


def test_names_with_control_characters_are_escaped():
    labels = np.zeros(1200, np.int32)
    train = Dataset(IMAGES, labels, ("a\x1b[2Jb",), origin="x\ny", notes=("left out: \x1b]0;c",))
    assert list(summary(Splits(train, None, None))) == [
        r"train: x\ny (1,200 images), 1 class (a\x1b[2Jb)",
        r"left out: \x1b]0;c",
    ]


def test_sets_without_labels_and_with_several():
    bare = Dataset(IMAGES, None, ())
    assert list(summary(Splits(bare, None, None))) == ["train: 1,200 images, without labels"]
    several = bare._replace(classes=("a",), presence=np.ones((1200, 1), np.int8))
    (line,) = summary(Splits(bare, None, None, several))
    assert line.endswith("labelled: 1,200 images, 1 class (a), several of them in an image")
