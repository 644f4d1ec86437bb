"""The folder of ImageNet with a list of classes, as for ImageNet-100."""

import os

import pytest
from PIL import Image

from ssl_jax.data import folders
from ssl_jax.data.dataset import fingerprint
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses

CLASSES = [f"n{number:08}" for number in (1440764, 2869837, 3062245, 4099969)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def root(tmp_path):
    """Two training images and one validation image per class, with distinct values."""
    root = tmp_path / "imagenet"
    for number, name in enumerate(CLASSES):
        for part, values in (("train", (0, 1)), ("val", (5,))):
            (root / part / name).mkdir(parents=True)
            for value in values:
                grey = Image.new("L", (24, 16), 50 * number + value)
                grey.save(root / part / name / f"{name}_{value}.JPEG")
    return root


def read(root, tmp_path, text, **arguments):
    (tmp_path / "classes.txt").write_text(text)
    classes = str(tmp_path / "classes.txt")
    return load("folder", path=str(root), image_size=8, classes=classes, **arguments)


def check_refused(message, root, tmp_path, text):
    with pytest.raises(UserError, match=message) as error:
        read(root, tmp_path, text)
    assert "\n" not in str(error.value)


def values(dataset):
    return [int(dataset.images[index][0, 0, 0]) for index in range(len(dataset.images))]


def test_listed_classes_get_labels_in_the_order_of_their_names(root, tmp_path):
    text = f"# a list\n\n  {CLASSES[3]}\n{CLASSES[0]}  # tench\n{CLASSES[2]}\r\n"
    train, test, labelled = read(root, tmp_path, text)
    assert train.classes == test.classes == (CLASSES[0], CLASSES[2], CLASSES[3])
    assert values(train) == [0, 1, 100, 101, 150, 151] and values(test) == [5, 105, 155]
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2] and test.labels.tolist() == [0, 1, 2]
    assert train.images.shape == (6, 8, 8, 3) and labelled is None


def test_a_list_of_all_classes_changes_nothing(root, tmp_path):
    listed = read(root, tmp_path, "\n".join(reversed(CLASSES)))
    whole = load("folder", path=str(root), image_size=8)
    assert listed.train.classes == whole.train.classes == tuple(CLASSES)
    for part, same in zip(listed[:2], whole[:2], strict=True):
        assert part.images.names == same.images.names
        assert part.labels.tolist() == same.labels.tolist()
    assert fingerprint(listed.train) == fingerprint(whole.train)


def test_other_class_folders_are_not_even_listed(root, tmp_path, monkeypatch):
    seen, scandir = [], os.scandir
    monkeypatch.setattr(folders.os, "scandir", lambda place: seen.append(place) or scandir(place))
    read(root, tmp_path, f"{CLASSES[1]}\n{CLASSES[2]}\n")
    assert {str(root / "train" / name) for name in CLASSES[1:3]} <= set(seen)
    assert not {str(root / part / CLASSES[3]) for part in ("train", "val")} & set(seen)


def test_a_test_folder_without_class_folders_is_ignored(root, tmp_path):
    (root / "test").mkdir()
    Image.new("L", (16, 16), 200).save(root / "test" / "ILSVRC2012_test_1.JPEG")
    _, test, _ = read(root, tmp_path, f"{CLASSES[0]}\n{CLASSES[1]}\n")
    assert values(test) == [5, 55]


def test_a_tenth_of_class_folders_without_train_becomes_the_test_set(root, tmp_path):
    train, test, _ = read(root / "train", tmp_path, f"{CLASSES[1]}\n{CLASSES[3]}\n")
    assert sorted(values(train) + values(test)) == [50, 51, 150, 151]
    assert len(test.images) == 1 and train.classes == (CLASSES[1], CLASSES[3])


def test_a_listed_class_must_exist(root, tmp_path):
    lines = f"{CLASSES[0]}\n{CLASSES[1]}\n"
    message = "imagenet/train has no folder for class n00000000, which is listed"
    check_refused(message, root, tmp_path, lines + "n00000000\n")
    (file,) = (root / "val" / CLASSES[1]).iterdir()
    file.unlink()
    check_refused(f"val/{CLASSES[1]} contains no image files", root, tmp_path, lines)
    (root / "val" / CLASSES[1]).rmdir()
    check_refused(f"val has no folder for class {CLASSES[1]}", root, tmp_path, lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n\n", "classes.txt must name at least two class folders"),
        (f"{CLASSES[0]}\n", "classes.txt must name at least two class folders"),
        (f"{CLASSES[0]}\n{CLASSES[1]}\n{CLASSES[0]}\n", f"names {CLASSES[0]} 2 times"),
        (f"{CLASSES[0]}/\n{CLASSES[1]}\n", f"plain folder names, not '{CLASSES[0]}/'"),
    ],
)
def test_malformed_lists_are_refused(root, tmp_path, text, message):
    with refuses("classes", str(tmp_path / "classes.txt")) as caught:
        read(root, tmp_path, text)
    assert message in str(caught.value)


def test_a_list_that_cannot_be_read_is_refused(root, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    for file, reason in (("missing.txt", "No such file"), (str(tmp_path / "binary"), "utf-8")):
        with refuses("classes", file) as caught:
            load("folder", path=str(root), image_size=8, classes=file)
        assert f"{file} cannot be read: " in str(caught.value) and reason in str(caught.value)
    with refuses("classes", "a.txt"):
        load("digits", classes="a.txt")
