"""Parquet files in the layouts of the Hugging Face Hub."""

import io
import json
import pickle
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ssl_jax.data.dataset import gather, take
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses

CLASSES = ["cow", "dog", "emu"]


def png(value):
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, values, labels=None, *, column="label", image="image", features=None, **others):
    """A file as `datasets` writes it, in row groups of three."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": png(value), "path": f"{value}.png"} for value in values]
    columns = {image: pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}
    if labels is not None:
        columns[column] = pa.array(labels)
    table = pa.table(columns | {name: pa.array(other) for name, other in others.items()})
    if features:
        described = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": described})
    pq.write_table(table, path, row_group_size=3)


HUB = {"image": {"_type": "Image"}, "label": {"names": CLASSES, "_type": "ClassLabel"}}


def values(dataset):
    """The value of each image; the whole set is decoded."""
    return [int(dataset.images[index][0, 0, 0]) for index in range(len(dataset.images))]


def read(path, **options):
    return load("parquet", path=str(path), image_size=9, **options)


@pytest.fixture
def hub(tmp_path):
    """Two training files of 7 and 4 rows, and one to validate on."""
    data = tmp_path / "set" / "data"
    write(data / "train-00000-of-00002.parquet", range(7), [0, 1, 2, 0, 1, 2, 0], features=HUB)
    write(data / "train-00001-of-00002-0a1b2c3d.parquet", range(7, 11), [2, 2, 1, 0], features=HUB)
    write(data / "validation-00000-of-00001.parquet", [50, 51], [2, 0], features=HUB)
    return tmp_path / "set"


def test_images_labels_classes_and_splits(hub):
    train, test, _ = read(hub)
    assert values(train) == list(range(11)) and values(test) == [50, 51]
    assert train.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 2, 2, 1, 0]
    assert test.labels.tolist() == [2, 0] and train.classes == test.classes == tuple(CLASSES)
    assert train.images.shape == (11, 9, 9, 3)


def test_random_access_in_any_process(hub):
    train, *_ = read(hub)
    order = np.random.default_rng(0).permutation(11)
    part = pickle.loads(pickle.dumps(take(train, order).images))
    assert gather(part, np.arange(11))[:, 0, 0, 0].tolist() == order.tolist()
    at = order.tolist().index(9)
    assert part.name(at).endswith("train-00001-of-00002-0a1b2c3d.parquet: row 2")


def test_files_in_folders_of_splits_and_names_from_the_card(tmp_path):
    folder = tmp_path / "repository"
    write(folder / "default" / "train" / "0000.parquet", range(4), [1, 0, 1, 0])
    write(folder / "default" / "test" / "0000.parquet", [9], [1])
    (folder / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n"
        "    dtype:\n      class_label:\n        names:\n          '0': ant\n          '1': bee\n"
        "---\n# A set\n"
    )
    train, test, _ = read(folder)
    assert train.classes == ("ant", "bee") and train.labels.tolist() == [1, 0, 1, 0]
    assert values(test) == [9] and test.labels.tolist() == [1]
    (folder / "README.md").unlink()
    assert read(folder).train.classes == ("0", "1")


def test_columns_are_told_apart(tmp_path):
    write(
        tmp_path / "train.parquet",
        range(4),
        [30, 10, 30, 10],
        column="fine_label",
        image="img",
        coarse_label=[1, 1, 1, 1],
        caption=["a", "b", "c", "d"],
    )
    train, *_ = read(tmp_path, test="train")
    assert train.classes == ("10", "30") and "coarse_label" in train.notes[0]
    write(tmp_path / "train.parquet", range(4), ["dog", "cow", "dog", "cow"])
    train, *_ = read(tmp_path, test="train")
    assert train.classes == ("cow", "dog")
    write(tmp_path / "train.parquet", range(4), mood=["a", "b", "c", "d"])
    train, test, _ = read(tmp_path)
    assert train.labels is None and test is None and values(train) == [0, 1, 2, 3]
    pq.write_table(pa.table({"picture": [png(1)], "scan": [png(2)]}), tmp_path / "train.parquet")
    assert values(read(tmp_path).train) == [1]
    pq.write_table(pa.table({"left": [png(1)], "right": [png(2)]}), tmp_path / "train.parquet")
    with pytest.raises(UserError, match="2 columns that may be the images: left, right"):
        read(tmp_path)
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "train.parquet")
    with pytest.raises(UserError, match="no columns that may be the images"):
        read(tmp_path)


def test_a_test_split_without_labels_is_passed_over(hub):
    write(hub / "data" / "test-00000-of-00001.parquet", [60], [-1], features=HUB)
    train, test, _ = read(hub)
    assert values(test) == [50, 51] and "not used: test" in train.notes[-1]
    with refuses("test", "test"):
        read(hub, test="test")
    with refuses("test", "other"):
        read(hub, test="other")
    assert len(read(hub, test="train").test.images) == 2


def test_missing_and_damaged_files_are_named(hub):
    second = hub / "data" / "train-00001-of-00002-0a1b2c3d.parquet"
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(UserError, match="train-00001-of-00002.parquet is missing"):
        read(hub)
    second.write_bytes(content[:-9])
    with pytest.raises(UserError, match=f"{second.name} is not a whole parquet file") as caught:
        read(hub)
    assert "\n" not in str(caught.value)
    for path in ("", "nowhere", str(hub / "data" / "*.tar")):
        with refuses("path"):
            load("parquet", path=path, image_size=9)


def test_images_that_are_paths_only_are_said(tmp_path):
    images = pa.array([{"bytes": None, "path": "a.png"}], pa.struct([("bytes", pa.binary())]))
    pq.write_table(pa.table({"image": images}), tmp_path / "train.parquet")
    train, *_ = read(tmp_path)
    with pytest.raises(UserError, match="row 0 .*only a path"):
        train.images[0]


def test_without_pyarrow_the_extra_is_named(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with refuses("name", "parquet") as caught:
        read(hub)
    assert "ssl_jax[parquet]" in str(caught.value)
