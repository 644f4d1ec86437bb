"""Shards written by the library webdataset, read where they lie."""

import io
import pickle
import tarfile

import numpy as np
import pytest
import webdataset
from PIL import Image

from ssl_jax.data.archives import samples
from ssl_jax.data.dataset import gather, take
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def jpeg(value):
    buffer = io.BytesIO()
    Image.new("RGB", (12, 10), (value, 255 - value, 7)).save(buffer, "JPEG")
    return buffer.getvalue()


def write(path, rows):
    """A shard of {field: content}; the key and the image are made of the value of "value"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with webdataset.TarWriter(str(path)) as sink:
        for row in rows:
            fields = {name: content for name, content in row.items() if name != "value"}
            sink.write({"__key__": f"k{row['value']:03}", "jpg": jpeg(row["value"]), **fields})


def read(path, **options):
    return load("webdataset", path=str(path), image_size=8, **options)


def values(dataset):
    """What `jpeg` was given, by the names of the images; their pixels agree."""
    found = []
    for index in range(len(dataset.images)):
        found.append(int(dataset.images.name(index).rpartition("/k")[2][:3]))
        red, green, _ = dataset.images[index][4, 4].astype(int)
        assert abs(red - found[-1]) < 6 and abs(green - 255 + found[-1]) < 6
    return found


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "set"
    for number in range(3):
        rows = [{"value": 10 * number + i, "cls": (number + i) % 3} for i in range(4)]
        write(folder / f"set-train-{number:06}.tar", rows)
    write(folder / "set-val-000000.tar", [{"value": 90 + i, "cls": i} for i in range(3)])
    return folder


def test_numbers_in_cls_and_splits_by_the_names_of_shards(shards):
    train, test, _ = read(shards)
    assert values(train) == [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]
    assert train.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert values(test) == [90, 91, 92] and test.labels.tolist() == [0, 1, 2]
    assert train.classes == test.classes == ("0", "1", "2")
    assert train.images.shape == (12, 8, 8, 3)


def test_patterns_choose_shards(shards):
    train, test, _ = read(shards / "set-train-{000001..000002}.tar")
    assert sorted(values(train) + values(test)) == [10, 11, 12, 13, 20, 21, 22, 23]
    assert "10 % of train" in test.origin
    path = shards / "set-train-*.tar"
    train, test, _ = read(path, test=str(shards / "set-{val,train}-000000.tar"))
    assert values(train) == [10, 11, 12, 13, 20, 21, 22, 23]
    assert values(test) == [90, 91, 92, 0, 1, 2, 3]
    with refuses("path") as caught:
        read(shards / "set-train-{000000..000004}.tar")
    assert "set-train-000003.tar" in str(caught.value)


def test_splits_are_folders_as_well(tmp_path):
    write(tmp_path / "train" / "00.tar", [{"value": i, "cls": i % 2} for i in range(4)])
    write(tmp_path / "validation" / "00.tar", [{"value": 50, "cls": 1}])
    train, test, _ = read(tmp_path)
    assert values(train) == [0, 1, 2, 3] and values(test) == [50]
    assert test.labels.tolist() == [1]


def test_names_of_classes(tmp_path):
    described = [{"label": 3 - i % 2, "class_name": "cow" if i % 2 else "emu"} for i in range(4)]
    write(tmp_path / "a" / "0.tar", [{"value": i, "json": d} for i, d in enumerate(described)])
    train, *_ = read(tmp_path / "a", test="train")
    assert train.classes == ("cow", "emu")
    write(tmp_path / "b" / "0.tar", [{"value": i, "cls": 2 * (i % 2)} for i in range(4)])
    (tmp_path / "b" / "classes.txt").write_text("ant\nbee\ncow\n")
    assert read(tmp_path / "b").train.classes == ("ant", "cow")
    rows = [{"value": i, "txt": "dog" if i < 4 else "ant"} for i in range(8)]
    write(tmp_path / "c" / "0.tar", rows)
    train, test, _ = read(tmp_path / "c")
    assert train.classes == ("ant", "dog")
    found = dict(zip(values(train), train.labels.tolist(), strict=True))
    assert all(label == int(value < 4) for value, label in found.items())


def test_captions_are_no_labels(tmp_path):
    write(tmp_path / "0.tar", [{"value": i, "txt": f"a photo of {i}"} for i in range(6)])
    train, test, _ = read(tmp_path)
    assert train.labels is None and test is None and "captions" in train.notes[0]


def test_images_without_label_and_other_pictures(tmp_path):
    write(tmp_path / "0.tar", [{"value": 1, "cls": 0}, {"value": 2}, {"value": 3, "cls": 1}])
    with pytest.raises(UserError, match="1 of 3 images have no label, as k002.jpg in .*0.tar"):
        read(tmp_path)
    write(tmp_path / "0.tar", [{"value": i, "seg.png": jpeg(99)} for i in range(3)])
    train, *_ = read(tmp_path)
    assert values(train) == [0, 1, 2] and train.labels is None


def test_headers_are_read_once_and_again_if_a_shard_changes(shards, monkeypatch):
    first = read(shards).train
    with monkeypatch.context() as patch:
        patch.setattr(samples, "contents", lambda *_: pytest.fail("the headers are read again"))
        assert read(shards).train.labels.tolist() == first.labels.tolist()
    write(shards / "set-train-000000.tar", [{"value": 77, "cls": 2}])
    assert values(read(shards).train)[0] == 77


def test_images_are_read_on_access_in_any_process(shards):
    train, *_ = read(shards)
    everything = gather(train.images, np.arange(12))
    part = pickle.loads(pickle.dumps(take(train, np.array([9, 2])).images))
    np.testing.assert_array_equal(gather(part, np.arange(2)), everything[[9, 2]])
    assert part.name(0).endswith("set-train-000002.tar: set-train-000002/k021.jpg")


def test_damaged_and_compressed_shards_are_refused_by_name(shards):
    shard = shards / "set-train-000001.tar"
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="set-train-000001.tar is not a whole tar"):
        read(shards)
    with tarfile.open(shard, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"))
    with pytest.raises(UserError, match="set-train-000001.tar is compressed"):
        read(shards)


def test_paths_without_shards_are_refused(tmp_path):
    for path in ("", "nowhere", str(tmp_path)):
        with refuses("path"):
            load("webdataset", path=path, image_size=8)
