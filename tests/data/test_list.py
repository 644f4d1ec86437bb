"""Lists of image files: csv and text, iNaturalist's json, Places365's."""

import json

import numpy as np
import pytest

from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.data.on_disk import labelled_values, values, write
from tests.refusals import refuses


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def root(tmp_path):
    for value in range(8):
        write(tmp_path / "photos" / f"{value}.png", value)
    return tmp_path


def opened(file, name="folder", **options):
    return load(name, path=str(file), **options)


LABELS = ("owl", "ant", "ant", "owl")


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("list.csv", "path,label", "photos/{i}.png,{label}"),
        ("list.csv", "", "photos/{i}.png,{label}"),
        ("list.csv", "label,other,path", "{label},x,photos/{i}.png"),
        ("list.csv", "image;species", "./photos/{i}.png;{label}"),
        ("list.csv", "picture,kind", "photos/{i}.png,{label}"),
        ("list.tsv", "Filename\tClass", "photos\\{i}.png\t{label}"),
        ("list.txt", "", "photos/{i}.png {label}"),
        ("list.csv", "path,label", "{i}.png,{label}"),  # relative to the one folder
    ],
)
@pytest.mark.parametrize("source", ["folder", "list"])
def test_paths_and_labels(root, source, name, header, row):
    rows = [row.format(i=i, label=label) for i, label in enumerate(LABELS)]
    (root / name).write_text("\n".join([header, *rows] if header else rows))
    found = opened(root / name, source, test="train")
    assert found.train.classes == ("ant", "owl")
    assert found.train.origin == str(root / name)
    got = labelled_values(found.train) | labelled_values(found.test)
    assert got == dict(enumerate(LABELS))


def test_numbers_are_sorted_by_size_and_mapped(root):
    lines = [f"photos/{i}.png,{number}\n" for i, number in enumerate((10, 9, 20230001, 9))]
    (root / "list.csv").write_text("".join(lines))
    (root / "test.csv").write_text("photos/5.png,9\nphotos/6.png,20230001\n")
    found = opened(root / "list.csv", test="test.csv")
    assert found.train.classes == ("9", "10", "20230001")
    assert found.train.labels.tolist() == [1, 0, 2, 0] and found.test.labels.tolist() == [0, 2]


def test_test_images_from_a_column_or_from_the_list_beside_it(root):
    rows = ["photos/0.png,a,train", "photos/1.png,b,TRAIN", "photos/2.png,b,test"]
    (root / "all.csv").write_text("\n".join(["path,label,split", *rows, "photos/3.png,a,val"]))
    found = opened(root / "all.csv")
    assert labelled_values(found.train) == {0: "a", 1: "b"}
    assert labelled_values(found.test) == {2: "b"}
    (root / "birds_train.csv").write_text("photos/0.png,a\nphotos/1.png,b\n")
    (root / "birds_val.csv").write_text("photos/5.png,b\n")
    found = opened(root / "birds_train.csv")
    assert labelled_values(found.test) == {5: "b"}
    assert found.test.origin == str(root / "birds_val.csv")
    with refuses("test", "none.csv"):
        opened(root / "birds_train.csv", test="none.csv")


def test_a_list_of_paths_alone_is_unlabelled(root):
    (root / "list.txt").write_text("photos/3.png\nphotos/1.png\n")
    found = opened(root / "list.txt")
    assert values(found.train) == [3, 1] and found.train.labels is None and found.test is None


def test_absent_and_repeated_images_are_said(root):
    (root / "list.csv").write_text(
        "photos/0.png,a\nphotos/0.png,a\nphotos/no.png,b\nphotos/1.png,b\n"
    )
    found = opened(root / "list.csv")
    assert labelled_values(found.train) == {0: "a", 1: "b"}
    said = "\n".join(found.train.notes)
    assert "photos/no.png" in said and "repeats 1 of its images" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no lines"),
        ("a.png,x\nb.png,y\n", "names no image that exists; the first would be"),
        ("photos/0.png,a\nphotos/0.png,b\n", "two labels for photos/0.png: a, b"),
        ("photos/0.png,a,3\nphotos/1.png,b,4\n", "must have path and label on each line"),
        ("path,label\nphotos/0.png\n", "line 2 of"),
        ("path,label\nphotos/0.png,\n", "has no label"),
        ("path,label,split\nphotos/0.png,a,autumn\n", "'autumn', not train or test"),
        ("cat\ndog\n", "none of image files"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(root, text, said):
    (root / "list.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        opened(root / "list.csv")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_inaturalist(root):
    kinds = [{"id": 7, "name": "Zebra"}, {"id": 3, "name": "Zebu"}, {"id": 5, "name": "Ant"}]

    def save(name, images, marks):
        content = {
            "images": [{"id": 100 + i, "file_name": f"photos/{i}.png"} for i in images],
            "annotations": [
                {"id": n, "image_id": 100 + i, "category_id": k} for n, (i, k) in enumerate(marks)
            ],
            "categories": kinds,
        }
        (root / name).write_text(json.dumps(content))

    save("train2019.json", (0, 1, 2), [(2, 7), (0, 3), (1, 7)])
    save("val2019.json", (5, 6), [(5, 5), (6, 3)])
    found = opened(root / "train2019.json")
    assert found.train.classes == found.test.classes == ("Zebu", "Ant", "Zebra")  # by number
    assert values(found.train) == [0, 1, 2] and found.train.labels.tolist() == [0, 2, 2]
    assert values(found.test) == [5, 6] and found.test.labels.tolist() == [1, 0]
    save("train2019.json", (0, 1), [(0, 7), (0, 3)])
    with pytest.raises(UserError, match="several annotations of photos/0.png"):
        opened(root / "train2019.json")
    (root / "train2019.json").write_text("[1")
    with pytest.raises(UserError, match="no json as of iNaturalist"):
        opened(root / "train2019.json")


def test_places365(tmp_path):
    for value, name in enumerate(("a/airfield/1.jpg", "a/airfield/2.jpg", "b/bakery/shop/1.jpg")):
        write(tmp_path / "data_256" / name, 10 * value)
    for value in (0, 1):
        write(tmp_path / "val_256" / f"Places365_val_{value:08}.jpg", 100 + 10 * value)
    lines = "/a/airfield/1.jpg 0\n/a/airfield/2.jpg 0\n/b/bakery/shop/1.jpg 1\n"
    (tmp_path / "places365_train_standard.txt").write_text(lines)
    val = "Places365_val_00000000.jpg 1\nPlaces365_val_00000001.jpg 1\n"
    (tmp_path / "places365_val.txt").write_text(val)
    names = "/a/airfield 0\n/b/bakery/shop 1\n/z/zen_garden 2\n"
    (tmp_path / "categories_places365.txt").write_text(names)
    found = opened(tmp_path / "places365_train_standard.txt")
    assert found.train.classes == ("/a/airfield", "/b/bakery/shop", "/z/zen_garden")
    assert found.train.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(values(found.train), [0, 10, 20], atol=1)
    assert found.test.labels.tolist() == [1, 1]
    np.testing.assert_allclose(values(found.test), [100, 110], atol=1)
