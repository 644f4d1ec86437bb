"""Tiny ImageNet in the layout of the official folder."""

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses

CLASSES = ["n02124075", "n01443537", "n04067472"]  # in the order of wnids.txt, which is not sorted
VALIDATION = [("val_0.JPEG", 2, 10), ("val_1.JPEG", 0, 90), ("val_10.JPEG", 1, 170)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def write(path, value, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (64, 64), value if mode == "L" else (value, value, value)).save(path)


@pytest.fixture
def root(tmp_path):
    """Two training images per class, every second one grey; returns the folder."""
    root = tmp_path / "tiny-imagenet-200"
    for number, name in enumerate(CLASSES):
        write(root / f"train/{name}/images/{name}_0.JPEG", 20 * number)
        write(root / f"train/{name}/images/{name}_1.JPEG", 20 * number + 5, mode="L")
        (root / f"train/{name}/{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t62\t62\n")
    lines = []
    for file, number, value in VALIDATION:
        write(root / "val/images" / file, value)
        lines.append(f"{file}\t{CLASSES[number]}\t0\t32\t44\t62\n")
    (root / "val/val_annotations.txt").write_text("".join(reversed(lines)))
    write(root / "test/images/test_0.JPEG", 7)
    (root / "wnids.txt").write_text("\n".join(CLASSES))
    (root / "words.txt").write_text("n02124075\tEgyptian cat\n")
    return root


def check_refused(message, root):
    with pytest.raises(UserError, match=message) as error:
        load("tiny_imagenet", path=str(root))
    assert "\n" not in str(error.value)


def labelled_values(dataset):
    """{value of all pixels: name of the class}"""
    class_of = {}
    for index, label in enumerate(dataset.labels):
        image = dataset.images[index]
        assert image.shape == (64, 64, 3) and image.min() == image.max()
        class_of[int(image[0, 0, 0])] = dataset.classes[label]
    return class_of


@pytest.mark.parametrize("above", [False, True])
def test_images_and_labels(root, above):
    train, test, labelled = load("tiny_imagenet", path=str(root.parent if above else root))
    assert train.images.shape == (6, 64, 64, 3) and test.images.shape == (3, 64, 64, 3)
    assert train.classes == test.classes == tuple(sorted(CLASSES)) and labelled is None
    assert labelled_values(train) == {
        20 * number + more: name for number, name in enumerate(CLASSES) for more in (0, 5)
    }
    assert labelled_values(test) == {value: CLASSES[number] for _, number, value in VALIDATION}
    assert train.labels.dtype == test.labels.dtype == np.int32


def test_images_are_resized_on_request(root):
    train, test, _ = load("tiny_imagenet", path=str(root), image_size=32, channels=1)
    assert train.images[0].shape == test.images[0].shape == (32, 32, 1)


def test_unreadable_files_are_skipped_with_their_labels(root):
    (root / "val/images/val_1.JPEG").write_bytes(b"cut")
    (root / f"train/{CLASSES[0]}/images/{CLASSES[0]}_0.JPEG").write_bytes(b"cut")
    train, test, _ = load("tiny_imagenet", path=str(root))
    assert labelled_values(test) == {10: CLASSES[2], 170: CLASSES[1]}
    assert test.skipped == ("val/images/val_1.JPEG",)
    assert sorted(labelled_values(train)) == [5, 20, 25, 40, 45]


def test_annotations_and_images_must_agree(root):
    annotations = root / "val/val_annotations.txt"
    lines = annotations.read_text()
    annotations.write_text(lines.replace("val_10.JPEG\t", "val_11.JPEG\t"))
    check_refused("val_annotations.txt must have one line per image .*; see val_10.JPEG", root)
    annotations.write_text(lines.replace(CLASSES[1], "n00000000"))
    check_refused("val_annotations.txt names class n00000000, which wnids.txt does not list", root)
    annotations.unlink()
    check_refused("val_annotations.txt cannot be read: .*No such file", root)


def test_incomplete_folders_are_refused(root, tmp_path):
    (root / "wnids.txt").write_text("\n".join([*CLASSES, "n99999999"]))
    check_refused("train has no folder for class n99999999, which is listed", root)
    (root / "wnids.txt").unlink()
    check_refused("wnids.txt cannot be read: .*No such file", root)
    with refuses("path", "missing"):
        load("tiny_imagenet", path="missing")
