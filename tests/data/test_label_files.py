"""Flat folders with lists of labels: ImageNet's own, the competition's, and tables."""

import os

import numpy as np
import pytest
from scipy.io import savemat

from ssl_jax.data import label_files
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.data.on_disk import labelled_values, values, write, write_classes
from tests.refusals import refuses

WNIDS = ("n01440764", "n02869837", "n03062245")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def opened(folder, **options):
    return load("folder", path=str(folder), **options)


@pytest.fixture
def root(tmp_path):
    """ImageNet with three classes; validation image k has the grey 10 k."""
    root = tmp_path / "imagenet"
    for number, name in enumerate(WNIDS):
        write(root / "train" / name / f"{name}_1.JPEG", 100 + number)
    for number in (1, 2, 3, 4):
        write(root / "val" / f"ILSVRC2012_val_{number:08}.JPEG", 10 * number)
    return root


def tens(dataset):
    return {round(value, -1): name for value, name in labelled_values(dataset).items()}


EXPECTED = {10: WNIDS[2], 20: WNIDS[0], 30: WNIDS[1], 40: WNIDS[0]}


def test_a_flat_val_without_labels_is_refused_with_what_to_do(root):
    with refuses("test", None) as caught:
        opened(root)
    for way in ("class folders", "val.csv", "ILSVRC2012_validation_ground_truth.txt", "=train"):
        assert way in str(caught.value)
    assert opened(root, test="train").test is None  # one image of each class


def test_the_development_kit_says_which_number_is_which_synset(root):
    kit = root / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n3\n2\n3\n")
    kind = np.dtype([("ILSVRC2012_ID", "O"), ("WNID", "O")])
    rows = [(1, WNIDS[2]), (2, WNIDS[1]), (3, WNIDS[0]), (1001, "n00000001")]
    savemat(kit / "meta.mat", {"synsets": np.array(rows, kind)})
    found = opened(root)
    assert tens(found.test) == EXPECTED
    assert found.test.classes == found.train.classes == WNIDS
    assert any("ground_truth.txt" in note for note in found.test.notes)


def test_numbers_without_the_kit_are_the_classes_in_order_and_that_is_said(root):
    list_ = root / "ILSVRC2012_validation_ground_truth.txt"
    list_.write_text("3\r\n1\r\n2\r\n1\r\n")
    found = opened(root)
    assert tens(found.test) == EXPECTED
    assert any("numbers are taken for the classes in order, from 1" in n for n in found.test.notes)
    list_.write_text("3\n1\n2\n")
    with pytest.raises(UserError, match="3 labels for 4 images"):
        opened(root)


def test_the_official_numbers_are_known_from_the_same_images_elsewhere(root, monkeypatch):
    # 50,000 lines are the official file, whose numbers are not those of the sorted synsets.
    names = label_files.read_lines(label_files.tfds_labels())
    assert len(names) == 50_000 and names[0] == "n01751748"
    synsets = sorted(set(names))
    order = {name: str(number) for number, name in enumerate(reversed(synsets), 1)}
    list_ = root / "val" / "ILSVRC2012_validation_ground_truth.txt"
    list_.write_text("".join(f"{order[name]}\n" for name in names))
    for name in (names[0], names[1]):
        write(root / "train" / name / "1.JPEG", 7)
    found = opened(root)
    assert tens(found.test) == {10: names[0], 20: names[1]}  # of others there is no folder


def test_an_incomplete_val_goes_by_the_numbers_of_its_files(root):
    (root / "val" / "ILSVRC2012_val_00000002.JPEG").unlink()
    (root / "val" / "ILSVRC2012_validation_ground_truth.txt").write_text("3\n1\n2\n1\n")
    assert tens(opened(root).test) == {10: WNIDS[2], 30: WNIDS[1], 40: WNIDS[0]}


def test_the_layout_of_the_competition(root, tmp_path):
    top = tmp_path / "imagenet-object-localization-challenge"
    inner = top / "ILSVRC" / "Data" / "CLS-LOC"
    inner.parent.mkdir(parents=True)
    root.rename(inner)
    write(inner / "test" / "ILSVRC2012_test_00000001.JPEG", 200)
    (top / "ILSVRC" / "Annotations" / "CLS-LOC").mkdir(parents=True)
    (top / "ILSVRC" / "Annotations" / "CLS-LOC" / "a.xml").touch()
    rows = [
        f"ILSVRC2012_val_{n // 10:08},{name} 1 2 3 4 {name} 5 6 7 8" for n, name in EXPECTED.items()
    ]
    lines = ["ImageId,PredictionString", *reversed(rows)]
    (top / "LOC_val_solution.csv").write_text("\r\n".join(lines))
    (top / "LOC_train_solution.csv").write_text("ImageId,PredictionString\n")
    for path in (top, top / "ILSVRC", inner):
        found = opened(path)
        assert tens(found.test) == EXPECTED and found.train.classes == WNIDS
    assert any("test/ is not used" in note for note in found.train.notes)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("val.csv", "{0}.JPEG,{a}\n"),
        ("val_labels.csv", "filename,class\n{0}.JPEG,{a}\n"),
        ("validation.tsv", "image\tlabel\n{0}.JPEG\t{a}\n"),
        ("val.txt", "{0}.JPEG {n}\n"),
        ("val_list.txt", "val/{0}.JPEG {a}\n"),
        ("valLabels.csv", "id;target\n{0};{a}\n"),
        ("val/labels.csv", '"{0}.JPEG","{a}"\n'),
    ],
)
def test_tables_of_labels(root, name, text):
    header = "".join(text.splitlines(keepends=True)[:-1])
    row = text.splitlines(keepends=True)[-1]
    rows = [
        row.format(f"ILSVRC2012_val_{grey // 10:08}", a=label, n=WNIDS.index(label))
        for grey, label in EXPECTED.items()
    ]
    (root / name).write_text("\ufeff" + header + "".join(rows), encoding="utf-8")
    found = opened(root)
    assert tens(found.test) == EXPECTED
    assert any(name in note for note in found.test.notes)


def test_images_that_the_list_does_not_name_are_left_out_and_said(root):
    (root / "val.csv").write_text(f"ILSVRC2012_val_00000003.JPEG,{WNIDS[1]}\n")
    found = opened(root)
    assert tens(found.test) == {30: WNIDS[1]}
    assert any("without a label" in n and "00000001" in n for n in found.test.notes)


def test_numbers_that_may_begin_at_0_or_1_are_refused(root):
    (root / "val.csv").write_text("ILSVRC2012_val_00000003.JPEG,1\n")
    with pytest.raises(UserError, match="do not tell whether they begin at 0 or 1"):
        opened(root)
    (root / "val.csv").write_text("ILSVRC2012_val_00000003.JPEG,cat\n")
    with pytest.raises(UserError, match="are no classes of train: cat"):
        opened(root)


def test_with_a_list_of_classes_only_their_validation_images_are_taken(root, tmp_path):
    (root / "val.csv").write_text(
        "".join(f"ILSVRC2012_val_{grey // 10:08}.JPEG,{name}\n" for grey, name in EXPECTED.items())
    )
    (tmp_path / "list.txt").write_text(f"{WNIDS[0]}\n{WNIDS[1]}\n")
    found = opened(root, classes=str(tmp_path / "list.txt"))
    assert found.test.classes == WNIDS[:2]
    assert tens(found.test) == {grey: name for grey, name in EXPECTED.items() if name != WNIDS[2]}


def test_flat_training_images_with_a_table(tmp_path):
    for value in range(10):
        write(tmp_path / "train" / f"{value}.png", value)
    lines = "".join(f"{value},{'frog' if value % 2 else 'truck'}\n" for value in range(10))
    (tmp_path / "trainLabels.csv").write_text("id,label\n" + lines)
    found = opened(tmp_path, test="train")
    assert found.train.classes == ("frog", "truck")
    for part in (found.train, found.test):
        for value, name in labelled_values(part).items():
            assert name == ("frog" if value % 2 else "truck")


def test_one_folder_of_images_with_tables_for_each_split(tmp_path):
    for value in range(6):
        write(tmp_path / "images" / f"{value}.png", value)
    (tmp_path / "train.csv").write_text("filename,label\n0.png,a\n1.png,b\n2.png,b\n")
    (tmp_path / "test.csv").write_text("filename,label\n4.png,b\n5.png,a\n")
    found = opened(tmp_path)
    assert labelled_values(found.train) == {0: "a", 1: "b", 2: "b"}
    assert labelled_values(found.test) == {4: "b", 5: "a"}


def test_an_image_with_two_labels_is_refused(root):
    name = "ILSVRC2012_val_00000003.JPEG"
    (root / "val.csv").write_text(f"{name},{WNIDS[1]}\n{name},{WNIDS[0]}\n")
    with pytest.raises(UserError, match="two labels for"):
        opened(root)


def test_class_folders_need_no_list(tmp_path):
    write_classes(tmp_path / "train", a=[1], b=[2])
    write_classes(tmp_path / "val", a=[3])
    (tmp_path / "val.csv").write_text("nothing,to,see\n")
    assert values(opened(tmp_path).test) == [3]
    assert os.listdir(tmp_path / "val") == ["a"]
