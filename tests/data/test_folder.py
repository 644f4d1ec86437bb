"""Folders of image files in the layouts that people use."""

import os

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data import files
from ssl_jax.data.dataset import fingerprint, gather, in_memory, take
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def write(path, value=0, size=(8, 8)):
    """Images of one colour, so that any pixel identifies them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


def write_classes(folder, **classes):
    """`cats=range(3)` writes cats/0.png .. cats/2.png with these values."""
    for name, values in classes.items():
        for value in values:
            write(folder / name / f"{value:03}.png", value)


def values(dataset):
    return [int(dataset.images[index][0, 0, 0]) for index in range(len(dataset.images))]


def check_refused(message, path):
    with pytest.raises(UserError, match=message) as error:
        load("folder", path=str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["test", "val", "validation"])
def test_train_and_test_with_class_folders(tmp_path, name):
    write_classes(tmp_path / "train", cats=[1, 2], dogs=[3, 4, 5])
    write_classes(tmp_path / name, dogs=[7])
    train, test, _ = load("folder", path=str(tmp_path))
    assert train.images.shape == (5, 8, 8, 3)
    assert values(train) == [1, 2, 3, 4, 5] and train.labels.tolist() == [0, 0, 1, 1, 1]
    assert values(test) == [7] and test.labels.tolist() == [1]
    assert train.classes == test.classes == ("cats", "dogs")


def test_a_tenth_of_a_labelled_folder_becomes_the_test_set(tmp_path):
    write_classes(tmp_path, cats=range(20), dogs=range(100, 120))
    (tmp_path / "cats" / "more").mkdir()
    (tmp_path / "cats" / "000.png").rename(tmp_path / "cats" / "more" / "000.png")
    train, test, _ = load("folder", path=str(tmp_path))
    assert (len(train.images), len(test.images)) == (36, 4)
    assert np.bincount(test.labels).tolist() == [2, 2]
    assert sorted(values(train) + values(test)) == [*range(20), *range(100, 120)]
    for part in (train, test):
        assert part.labels.tolist() == [int(value >= 100) for value in values(part)]


@pytest.mark.parametrize("layout", ["flat", "train", "one class", "beside one class"])
def test_unlabelled_images(tmp_path, layout):
    if layout == "one class":
        write_classes(tmp_path, all=[1, 2, 3])
    else:
        folder = tmp_path / "train" if layout == "train" else tmp_path
        for value in (1, 2, 3):
            write(folder / f"{value}.png", value)
    if layout == "beside one class":
        write_classes(tmp_path, cats=[4, 5])
    train, test, _ = load("folder", path=str(tmp_path))
    assert train.labels is None and train.classes == () and test is None
    assert sorted(values(train)) == ([1, 2, 3, 4, 5] if layout == "beside one class" else [1, 2, 3])


def test_an_unlabelled_test_set_is_refused_unless_there_is_another(tmp_path):
    write_classes(tmp_path / "train", cats=range(10), dogs=range(10))
    write(tmp_path / "test" / "1.png", 1)
    with refuses("test", None) as caught:
        load("folder", path=str(tmp_path))
    for way in ("test.csv", "LOC_val_solution.csv", "--config.data.test=train"):
        assert way in str(caught.value)
    train, test, _ = load("folder", path=str(tmp_path), test="train")
    assert len(test.images) == 2 and test.origin == "10 % of train, seed 0"
    write_classes(tmp_path / "val", cats=[77])
    train, test, _ = load("folder", path=str(tmp_path))
    assert values(test) == [77] and len(train.images) == 20
    assert "test/ is not used; --config.data.test=test tests on it" in train.notes


def test_unreadable_files_are_skipped_and_listed(tmp_path):
    write_classes(tmp_path / "train", cats=[1, 2, 3], dogs=[4, 5])
    write_classes(tmp_path / "test", cats=[6], dogs=[7])
    whole = tmp_path / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).save(whole)
    (tmp_path / "train/cats/cut.JPG").write_bytes(whole.read_bytes()[:-60])
    whole.unlink()
    (tmp_path / "train/cats/text.png").write_text("not an image")
    (tmp_path / "train/dogs/empty.gif").touch()
    (tmp_path / "train/dogs/link.png").symlink_to("nowhere.png")
    (tmp_path / "test/dogs/empty.webp").touch()
    train, test, _ = load("folder", path=str(tmp_path))
    assert values(train) == [1, 2, 3, 4, 5] and train.labels.tolist() == [0, 0, 0, 1, 1]
    assert train.skipped == (
        "train/cats/cut.JPG",
        "train/cats/text.png",
        "train/dogs/empty.gif",
        "train/dogs/link.png",
    )
    assert values(test) == [6, 7] and test.skipped == ("test/dogs/empty.webp",)


def test_a_set_is_searched_once_and_again_after_a_change(tmp_path, monkeypatch, cache):
    write_classes(tmp_path, cats=range(10), dogs=range(10))
    broken = tmp_path / "dogs" / "broken.png"
    broken.write_bytes(b"x" * 100)
    header_size, opened = files.header_size, []

    def spy(path, *rule):
        opened.append(os.path.relpath(path, tmp_path))
        return header_size(path, *rule)

    monkeypatch.setattr(files, "header_size", spy)
    first, *_ = load("folder", path=str(tmp_path))
    assert len(opened) == 21
    opened.clear()
    again, *_ = load("folder", path=str(tmp_path))
    # Only unreadable files are tried again.
    assert tuple(opened) == again.skipped == ("dogs/broken.png",)
    assert again.images.names == first.images.names and again.images.shape == first.images.shape
    # A file damaged without a change of size has a new modification time.
    whole = tmp_path / "cats" / "003.png"
    size = whole.stat().st_size
    whole.write_bytes(b"x" * size)
    os.utime(whole, ns=(1, 1))
    assert load("folder", path=str(tmp_path))[0].skipped == ("cats/003.png", "dogs/broken.png")
    for entry in (cache / "ssl_jax" / "headers").iterdir():
        entry.write_text("[]")
    assert load("folder", path=str(tmp_path))[0].skipped == ("cats/003.png", "dogs/broken.png")


def test_a_cache_that_cannot_be_written_is_not_an_error(tmp_path, monkeypatch):
    write_classes(tmp_path / "images", cats=[1], dogs=[2])
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(load("folder", path=str(tmp_path / "images"))[0].images) == 2


def test_all_images_are_resized_to_one_size(tmp_path):
    write(tmp_path / "cats" / "a.png", 10, size=(40, 20))
    write(tmp_path / "cats" / "b.png", 20, size=(9, 30))
    write(tmp_path / "dogs" / "c.png", 30, size=(16, 16))
    train, test, _ = load("folder", path=str(tmp_path), image_size=16, channels=1)
    assert train.images.shape == (2, 16, 16, 1) and test.images.shape == (1, 16, 16, 1)
    assert all(image.shape == (16, 16, 1) for image in in_memory(train).images)
    assert sorted(values(train) + values(test)) == [10, 20, 30]
    write(tmp_path / "flat" / "a.png", size=(16, 8))
    for folder in (tmp_path, tmp_path / "flat"):
        with refuses("image_size", 0) as caught:
            load("folder", path=str(folder))
        assert f"the images in {folder} are not squares of one size" in str(caught.value)


def test_images_are_read_on_access_and_the_same_in_memory(tmp_path):
    write_classes(tmp_path, cats=range(30), dogs=range(100, 130))
    train, *_ = load("folder", path=str(tmp_path))
    part = take(train, np.array([50, 3, 20]))
    assert values(part) == [values(train)[index] for index in (50, 3, 20)]
    assert part.labels.tolist() == train.labels[[50, 3, 20]].tolist()
    assert [image[7, 7, 2] for image in in_memory(train).images] == values(train)
    gathered = gather(train.images, np.array([7, 7, 53]))
    assert gathered.shape == (3, 8, 8, 3)
    assert gathered[:, 0, 0, 0].tolist() == [values(train)[index] for index in (7, 7, 53)]


def test_a_file_that_has_disappeared_is_named(tmp_path):
    write_classes(tmp_path, cats=[1, 2], dogs=[3, 4])
    train, *_ = load("folder", path=str(tmp_path))
    for name in train.images.names:
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match=f"{train.images.names[0]} has become unreadable"):
        in_memory(train)


def test_the_fingerprint_depends_on_names_and_sizes_but_not_on_the_location(tmp_path):
    for location in ("here", "there"):
        write_classes(tmp_path / location, cats=[1, 2, 3], dogs=[4, 5, 6])
        os.utime(tmp_path / location / "cats" / "001.png", ns=(1, 1))
    here, there = (load("folder", path=str(tmp_path / p))[0] for p in ("here", "there"))
    assert fingerprint(here) == fingerprint(there)
    assert fingerprint(here) != fingerprint(take(here, np.arange(4)))
    grey = load("folder", path=str(tmp_path / "here"), channels=1)[0]
    assert fingerprint(here) != fingerprint(grey)
    name = there.images.names[0]
    (tmp_path / "there" / name).rename(tmp_path / "there" / name.replace(".png", "x.png"))
    assert fingerprint(here) != fingerprint(load("folder", path=str(tmp_path / "there"))[0])


def test_hidden_entries_are_skipped_and_links_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    write_classes(elsewhere, dogs=[3, 4])
    folder = tmp_path / "set" / "train"
    write_classes(folder, cats=[1, 2])
    write(folder / ".thumbnails" / "a.png")
    write(folder / "cats" / "._a.png")
    (folder / "cats" / "notes.txt").touch()
    (folder / "dogs").symlink_to(elsewhere / "dogs")
    (folder / "cats" / "loop").symlink_to(folder)
    write_classes(tmp_path / "set" / "test", cats=[5])
    train, *_ = load("folder", path=str(tmp_path / "set"))
    assert train.classes == ("cats", "dogs")
    assert values(train) == [1, 2, 3, 4] and train.labels.tolist() == [0, 0, 1, 1]


def test_folders_without_a_data_set_are_refused(tmp_path):
    for path in ("missing", ""):
        with refuses("path", path) as caught:
            load("folder", path=path)
        assert "must be a folder of images" in str(caught.value)
    check_refused(f"{tmp_path} contains no image files", tmp_path)
    write_classes(tmp_path, cats=[1], dogs=[2])
    with refuses("channels", 4):
        load("folder", path=str(tmp_path), channels=4)
    (tmp_path / "empty").mkdir()
    check_refused("class folder .*/empty contains no image files", tmp_path)


def test_a_test_set_with_another_class_is_refused(tmp_path):
    write_classes(tmp_path / "train", cats=[1], dogs=[2])
    write_classes(tmp_path / "test", cats=[1], hats=[2])
    check_refused("test/hats is not a class of the training set", tmp_path)


def test_only_unreadable_files_are_refused(tmp_path):
    (tmp_path / "a.png").touch()
    check_refused(f"the only image file in {tmp_path} cannot be read: a.png", tmp_path)
    (tmp_path / "b.png").touch()
    check_refused(f"none of the 2 image files in {tmp_path} .* starting with a.png", tmp_path)
