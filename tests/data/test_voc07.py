"""PASCAL VOC 2007 in the layout of the official archives."""

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from ssl_jax.data.dataset import fingerprint, take
from ssl_jax.data.load import load
from ssl_jax.data.sources.voc07 import CLASSES
from ssl_jax.errors import UserError
from ssl_jax.setup.data import load_splits
from tests.refusals import refuses

PARTS = {"trainval": ("000005", "000007", "000009", "000012"), "test": ("000001", "000002")}
# Image -> class -> presence; -1 for classes that are not listed.
PRESENT = {
    "000005": {"chair": 1, "sofa": 0},
    "000007": {"car": 1},
    "000009": {"horse": 1, "person": 1},
    "000012": {},
    "000001": {"dog": 1, "person": 0},
    "000002": {"train": 1},
}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def root(tmp_path):
    """Images of different shapes whose pixels are ten times their number; returns VOC2007."""
    root = tmp_path / "VOCdevkit" / "VOC2007"
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (root / "JPEGImages").mkdir()
    for part, images in PARTS.items():
        (lists / f"{part}.txt").write_text("\n".join(images))  # for all classes; not read
        for name in CLASSES:
            lines = [f"{image} {PRESENT[image].get(name, -1):2d}\n" for image in images]
            (lists / f"{name}_{part}.txt").write_text("".join(lines))
        for image in images:
            shape = (50, 33) if int(image) % 2 else (20, 40)
            value = 10 * int(image)
            picture = Image.new("RGB", shape, (value, value, value))
            picture.save(root / "JPEGImages" / f"{image}.jpg")
    return root


def check_refused(message, path):
    with pytest.raises(UserError, match=message) as error:
        load("voc07", path=str(path), image_size=16)
    assert "\n" not in str(error.value)


def presence_of(dataset):
    """{image: {class: presence}}, without classes that are absent."""
    present = {}
    for index, row in enumerate(dataset.presence):
        image = dataset.images[index]
        assert image.shape == (16, 16, 3) and image.min() == image.max()
        present[f"{image[0, 0, 0] // 10:06d}"] = {
            name: value for name, value in zip(dataset.classes, row, strict=True) if value != -1
        }
    return present


@pytest.mark.parametrize("above", [0, 1, 2])
def test_images_and_their_classes(root, above):
    path = (root, root.parent, root.parent.parent)[above]
    train, test, labelled = load("voc07", path=str(path), image_size=16)
    assert presence_of(train) == {image: PRESENT[image] for image in PARTS["trainval"]}
    assert presence_of(test) == {image: PRESENT[image] for image in PARTS["test"]}
    assert train.presence.shape == (4, 20) and train.classes == test.classes == CLASSES
    assert tuple(sorted(CLASSES)) == CLASSES and labelled is None
    assert train.labels is None and test.labels is None


def test_presence_follows_the_images(root):
    train = load("voc07", path=str(root), image_size=16).train
    assert presence_of(take(train, np.array([2, 0]))) == {
        image: PRESENT[image] for image in ("000009", "000005")
    }
    other = train._replace(presence=-train.presence)
    assert fingerprint(other) != fingerprint(train)
    (root / "JPEGImages" / "000007.jpg").write_bytes(b"cut")
    train = load("voc07", path=str(root), image_size=16).train
    assert list(presence_of(train)) == ["000005", "000009", "000012"]
    assert train.skipped == ("JPEGImages/000007.jpg",)


def test_the_set_is_unlabelled_for_methods(root):
    options = {"name": "voc07", "path": str(root), "image_size": 16, "channels": 0, "classes": ""}
    config = ConfigDict({"data": {**options, "holdout": 0.25, "limit": 0}, "seed": 0})
    splits = load_splits(config)
    assert splits.train.labels is None and len(splits.train.images) == 3
    assert splits.holdout is not None and splits.holdout.presence.shape == (1, 20)
    assert presence_of(splits.train) | presence_of(splits.holdout) == {
        image: PRESENT[image] for image in PARTS["trainval"]
    }


def test_other_files_than_those_of_the_archives_are_refused(root, tmp_path):
    with refuses("path", str(root / "JPEGImages")) as caught:
        load("voc07", path=str(root / "JPEGImages"), image_size=16)
    assert "must contain VOCdevkit/VOC2007/ImageSets/Main" in str(caught.value)
    with refuses("path", "missing"):
        load("voc07", path="missing", image_size=16)
    with refuses("image_size", 0):
        load("voc07", path=str(root))
    lists = root / "ImageSets" / "Main"
    whole = (lists / "dog_test.txt").read_text()
    (lists / "dog_test.txt").write_text(whole.replace(" 1", " 2"))
    check_refused(r"dog_test.txt must have an image and -1, 0 or 1 on each line, not", root)
    (lists / "dog_test.txt").write_text(whole.replace("000002", "000003"))
    check_refused("dog_test.txt must name the same images as the list of aeroplane", root)
    (lists / "dog_test.txt").unlink()
    check_refused("dog_test.txt cannot be read: .*No such file", root)
    (root / "JPEGImages" / "000009.jpg").unlink()
    check_refused("names an image that does not exist: .*000009.jpg", root)
