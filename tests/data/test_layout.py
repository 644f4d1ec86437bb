"""Folders as people have them: which images become what, and what is said about it."""

import os
import socket
import unicodedata

import pytest
from PIL import Image

from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.data.on_disk import labelled_values, values, write, write_classes
from tests.refusals import refuses

BOTH = {1: "cats", 2: "cats", 3: "dogs", 4: "dogs"}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def two(folder):
    write_classes(folder, cats=[1, 2], dogs=[3, 4])


def opened(folder, **options):
    return load("folder", path=str(folder), **options)


def refused(folder, **options):
    with pytest.raises(UserError) as caught:
        opened(folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("training", "testing"),
        ("TRAIN", "valid"),
        ("train", "VAL"),
        ("Training", "Validation"),
        ("train", "eval"),
        ("train", "dev"),
        ("training_set", "test_set"),
        ("train_images", "test-images"),
        ("train2017", "val2017"),
        ("ILSVRC2012_img_train", "ILSVRC2012_img_val"),
        ("seg_train", "seg_test"),
        ("birds-train", "birds-test"),
    ],
)
def test_the_usual_names_of_splits_in_any_case(tmp_path, train, test):
    two(tmp_path / train)
    write_classes(tmp_path / test, dogs=[7])
    found = opened(tmp_path)
    assert labelled_values(found.train) == BOTH and labelled_values(found.test) == {7: "dogs"}
    assert found.train.classes == found.test.classes == ("cats", "dogs")
    assert found.train.origin.endswith(f"/{train}") and found.test.origin.endswith(f"/{test}")


def test_words_that_contain_a_split_are_classes(tmp_path):
    write_classes(tmp_path, test_tubes=[1, 2], train_stations=[3, 4], evaluations=[5, 6])
    found = opened(tmp_path)
    assert found.train.classes == ("evaluations", "test_tubes", "train_stations")


def test_test_comes_before_val_unless_said_and_what_is_not_used_is_named(tmp_path):
    two(tmp_path / "train")
    write_classes(tmp_path / "test", cats=[5])
    write_classes(tmp_path / "val", cats=[6])
    write(tmp_path / "unlabeled" / "9.png", 9)
    found = opened(tmp_path)
    assert values(found.test) == [5]
    assert any("val/ is not used" in note for note in found.train.notes)
    assert any("unlabeled is not used" in note for note in found.train.notes)
    assert values(opened(tmp_path, test="val").test) == [6]
    with refuses("test", "nowhere"):
        opened(tmp_path, test="nowhere")


@pytest.mark.parametrize("other", ["cats", "preview"])
def test_splits_mixed_with_other_folders_are_refused(tmp_path, other):
    two(tmp_path / "train")
    write_classes(tmp_path / "test", cats=[5])
    write(tmp_path / other / "1.png")
    with refuses("path"):
        opened(tmp_path)
    assert other in refused(tmp_path)


def test_a_class_that_is_called_as_a_split_must_be_listed(tmp_path):
    write_classes(tmp_path, train=[1, 2], bus=[3, 4], car=[5])
    assert "mixes splits (train) with other folders of images: bus, car" in refused(tmp_path)
    (tmp_path / "list.txt").write_text("train\nbus\ncar\n")
    found = opened(tmp_path, classes=str(tmp_path / "list.txt"))
    assert found.train.classes == ("bus", "car", "train")


def test_splits_to_test_on_without_training_images_are_refused(tmp_path):
    write_classes(tmp_path, valid=[1, 2], invalid=[3, 4])
    assert "has no training images, only valid" in refused(tmp_path)


def test_two_folders_of_training_images_are_refused(tmp_path):
    two(tmp_path / "train")
    two(tmp_path / "training")
    assert "several folders of training images: train, training" in refused(tmp_path)
    for path in (tmp_path / "training").rglob("*.png"):
        path.unlink()
    assert labelled_values(opened(tmp_path, test="train").train).items() <= BOTH.items()


def test_one_and_several_levels_too_high(tmp_path):
    set_ = tmp_path / "archive" / "data" / "birds"
    two(set_ / "train")
    write_classes(set_ / "test", cats=[5], dogs=[6])
    (tmp_path / "archive" / "readme.txt").touch()
    (tmp_path / "archive" / "empty").mkdir()
    for path in (tmp_path, tmp_path / "archive", set_.parent):
        found = opened(path)
        assert labelled_values(found.train) == BOTH
        assert labelled_values(found.test) == {5: "cats", 6: "dogs"}
    assert f"{set_.parent} holds one folder of images, birds: taken as the set" in found.train.notes
    write_classes(tmp_path / "archive", other=[1])
    message = refused(tmp_path / "archive")
    assert f"data has splits (test, train); give the folder of the set itself, as {set_}" in message


def test_sets_beside_each_other_are_refused(tmp_path):
    for name in ("birds", "fish"):
        two(tmp_path / name / "train")
        write_classes(tmp_path / name / "test", cats=[5])
    with refuses("path"):
        opened(tmp_path)
    assert f"as {tmp_path / 'birds'}" in refused(tmp_path)


def test_a_split_in_a_folder_of_its_own_name(tmp_path):
    two(tmp_path / "seg_train" / "seg_train")
    write_classes(tmp_path / "seg_test" / "seg_test", cats=[5], dogs=[6])
    write(tmp_path / "seg_pred" / "seg_pred" / "9.png")
    found = opened(tmp_path)
    assert labelled_values(found.train) == BOTH and values(found.test) == [5, 6]


def test_stray_files_are_named_and_left_out(tmp_path):
    two(tmp_path / "train")
    write_classes(tmp_path / "test", cats=[5], dogs=[6])
    for folder in ("", "train", "test"):
        write(tmp_path / folder / "preview.png", 99)
    found = opened(tmp_path)
    assert labelled_values(found.train) == BOTH and values(found.test) == [5, 6]
    said = "\n".join((*found.train.notes, *found.test.notes))
    assert said.count("preview.png") == 3
    write(tmp_path / "train" / "cats" / "preview.png", 98)  # of a class
    found = opened(tmp_path / "train")
    assert sorted(values(found.train) + values(found.test)) == [1, 2, 3, 4, 98]


def test_a_stray_file_beside_the_only_folder(tmp_path):
    two(tmp_path / "images")
    write(tmp_path / "preview.png", 99)
    found = opened(tmp_path)
    everything = values(found.train) + (values(found.test) if found.test else [])
    assert sorted(everything) == [1, 2, 3, 4]
    assert any("preview.png" in note for note in found.train.notes)


def test_annotations_beside_images_are_no_class(tmp_path):
    for value in (1, 2, 3):
        write(tmp_path / "images" / f"{value}.jpg", value)
        write(tmp_path / "annotations" / "trimaps" / f"{value}.png", value)
    found = opened(tmp_path)
    assert found.train.labels is None and values(found.train) == [1, 2, 3]
    assert any("annotations" in note for note in found.train.notes)


def test_foreign_folders_and_files_are_left_out(tmp_path):
    two(tmp_path)
    names = ["@eaDir", "__MACOSX", ".ipynb_checkpoints", "lost+found", "$RECYCLE.BIN", "#recycle"]
    for name in names:
        write(tmp_path / name / "a.png", 99)
        write(tmp_path / "cats" / name / "a.png", 99)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._001.png"):
        (tmp_path / "cats" / name).write_bytes(b"x")
    found = opened(tmp_path)
    assert found.train.classes == ("cats", "dogs")
    assert sorted(values(found.train) + values(found.test)) == [1, 2, 3, 4]
    assert any("@eaDir" in note and "lost+found" in note for note in found.train.notes)


def test_suffixes_in_any_case_or_none_and_what_cannot_be_opened_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "registered_extensions", dict)  # as without pillow-heif
    names = ["a.JPG", "b.Jpeg", "c", "IMG_0001", "scan.0002", "d.image", "e.webp", "f.TIFF"]
    for value, name in enumerate(names):
        write(tmp_path / name, 10 * value)
    for name in ("x.HEIC", "y.heic", "z.raw", "notes.txt", "table.csv"):
        (tmp_path / name).write_bytes(b"not an image")
    (tmp_path / "nothing").touch()
    found = opened(tmp_path)
    expected = [10 * value for _, value in sorted(zip(names, range(8), strict=True))]
    assert [round(value, -1) for value in values(found.train)] == expected
    (note,) = [note for note in found.train.notes if "not images" in note]
    for part in ("2 .heic", "1 .raw", "1 .txt", "1 .csv", "1 without suffix", "pillow-heif"):
        assert part in note


def test_pipes_and_sockets_are_never_opened(tmp_path, monkeypatch):
    two(tmp_path)
    os.mkfifo(tmp_path / "cats" / "pipe.png")
    os.mkfifo(tmp_path / "cats" / "pipe")
    monkeypatch.chdir(tmp_path / "dogs")  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.jpg")
        found = opened(tmp_path)
    assert sorted(values(found.train) + values(found.test)) == [1, 2, 3, 4]
    assert any("cats/pipe.png" in note and "dogs/socket.jpg" in note for note in found.train.notes)


def test_classes_that_differ_in_case_or_in_accents_between_splits(tmp_path):
    composed = unicodedata.normalize("NFC", "café")
    write_classes(tmp_path / "train", Dogs=[3], **{composed: [1, 2]})
    decomposed = unicodedata.normalize("NFD", composed)
    write_classes(tmp_path / "val", dogs=[6], **{decomposed: [5]})
    found = opened(tmp_path)
    assert labelled_values(found.test) == {5: composed, 6: "Dogs"}
    assert any("dogs as Dogs" in note for note in found.test.notes)


def test_classes_without_test_images_and_test_folders_without_images(tmp_path):
    write_classes(tmp_path / "train", ants=[1], bees=[2], cats=[3])
    write_classes(tmp_path / "val", cats=[6])
    (tmp_path / "val" / "ants").mkdir()
    found = opened(tmp_path)
    assert found.test.labels.tolist() == [2] and found.test.classes == ("ants", "bees", "cats")


def test_an_empty_class_is_refused_and_a_folder_of_texts_is_none(tmp_path):
    two(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "readme.txt").touch()
    assert opened(tmp_path).train.classes == ("cats", "dogs")
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "a.CR2").touch()
    message = refused(tmp_path)
    assert "class folder" in message and "phone contains no image files" in message
    assert "1 .cr2" in message


def test_folders_in_class_folders_are_said(tmp_path):
    for index, name in enumerate(("Aves/1", "Aves/2", "Fish/3")):
        write(tmp_path / name / "a.png", index)
        write(tmp_path / name / "b.png", index)
    found = opened(tmp_path)
    assert found.train.classes == ("Aves", "Fish")
    assert any("Aves/1" in note and "not told apart" in note for note in found.train.notes)


@pytest.mark.parametrize("lines", ["\ufeffC#\r\nn01\r\n", "# a comment\n#\nC#\n\nn01 tench, Tinca"])
def test_lists_of_classes_as_people_write_them(tmp_path, lines):
    write_classes(tmp_path / "set", **{"C#": [1, 2], "n01": [3, 4], "n02": [5]})
    (tmp_path / "list.txt").write_text(lines, encoding="utf-8", newline="")
    found = opened(tmp_path / "set", classes=str(tmp_path / "list.txt"))
    assert found.train.classes == ("C#", "n01")
    assert sorted(values(found.train) + values(found.test)) == [1, 2, 3, 4]


def test_a_listed_folder_with_a_space_is_found_by_its_whole_name(tmp_path):
    write_classes(tmp_path / "set", **{"n01 tench": [1], "n02": [2, 3]})
    (tmp_path / "list.txt").write_text("n01 tench\nN02\n")
    found = opened(tmp_path / "set", classes=str(tmp_path / "list.txt"))
    assert found.train.classes == ("n01 tench", "n02")
