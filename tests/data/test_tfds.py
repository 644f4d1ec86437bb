"""Sets prepared by TensorFlow Datasets, read without TensorFlow."""

import importlib.util
import io
import pickle
import shutil
import sys
import tempfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from ssl_jax.data.archives import cached_labels
from ssl_jax.data.dataset import gather
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from ssl_jax.training.feed import keeps
from tests.data.prepared import image, prepare
from tests.refusals import refuses

CLASSES = ["cow", "dog", "emu"]
FEATURES = {
    "image": tfds.features.Image(encoding_format="png"),
    "label": tfds.features.ClassLabel(names=CLASSES),
    "file": tfds.features.Text(),
}


def examples(count, seed):
    """Images of different sizes."""
    return [
        {"image": image(20 + i, 30, 3, seed=seed + i), "label": (i * i) % 3, "file": f"{i}.png"}
        for i in range(count)
    ]


TRAIN, VALIDATION = examples(9, seed=0), examples(4, seed=50)


@pytest.fixture(scope="module", params=["array_record", "tfrecord"])
def data_dir(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))  # TFDS leaves empty folders there
        splits = {"train": TRAIN, "validation": VALIDATION}
        for config in ("small", "large"):
            prepare(folder, "Farm", FEATURES, splits, config=config, file_format=request.param)
    return folder


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("these tests are about the absence of TensorFlow, which is installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert "tensorflow" not in sys.modules


def same(dataset, written):
    """Whether images and labels are those written, which TFDS shuffles."""
    read = [Image.open(io.BytesIO(dataset.images.read(i))) for i in range(len(dataset.images))]
    found = zip(read, dataset.labels, strict=True)
    found = sorted((np.asarray(pixels).tobytes(), int(label)) for pixels, label in found)
    return found == sorted((e["image"].tobytes(), e["label"]) for e in written)


def test_images_labels_and_classes_of_any_set(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    train, test, labelled = load("tfds", path="farm:small", image_size=16)
    assert labelled is None and train.classes == test.classes == tuple(CLASSES)
    assert same(train, TRAIN) and same(test, VALIDATION)
    assert train.images.shape == (9, 16, 16, 3) and test.origin == "farm/small/1.2.0 validation"
    assert "not read: file" in train.notes[0]
    assert not train.images.uniform and not keeps(train)


@pytest.mark.parametrize("path", ["farm/small", "farm/small:1.2.0", "farm/small/1.2.0"])
def test_a_set_is_found_by_its_names_and_by_its_path(data_dir, monkeypatch, path):
    train, *_ = load("tfds", path=str(data_dir / path), image_size=8)
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    again, *_ = load("tfds", path=path, image_size=8)
    assert same(train, TRAIN) and again.labels.tolist() == train.labels.tolist()


def test_several_configurations_are_listed(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    with refuses("path", "farm") as caught:
        load("tfds", path="farm", image_size=8)
    assert "large, small" in str(caught.value)


@pytest.mark.parametrize("path", ["barn:rgb", "farm:medium"])
def test_how_to_prepare_a_set_is_said(data_dir, monkeypatch, path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    with refuses("path", path) as caught:
        load("tfds", path=path, image_size=8)
    name = path.replace(":", "/")
    assert f"`tfds build {name} --file_format=array_record" in str(caught.value)


def test_images_are_read_on_access_in_any_process(data_dir):
    train, *_ = load("tfds", path=str(data_dir / "farm:small"), image_size=16)
    part = pickle.loads(pickle.dumps(train.images.subset(np.array([5, 0, 6]))))
    everything = gather(train.images, np.arange(9))
    np.testing.assert_array_equal(gather(part, np.arange(3)), everything[[5, 0, 6]])
    assert "farm-train" in part.name(1) and part.name(1).endswith("record 0")


def test_the_split_to_test_on_can_be_chosen(data_dir):
    path = str(data_dir / "farm:small")
    train, test, _ = load("tfds", path=path, image_size=8, test="train")
    assert (len(train.images), len(test.images)) == (8, 1) and "10 %" in test.origin
    with refuses("test", "holdout"):
        load("tfds", path=path, image_size=8, test="holdout")


def test_labels_are_read_once(data_dir, monkeypatch):
    path = str(data_dir / "farm:small")
    train, *_ = load("tfds", path=path, image_size=8)

    def fail(*_):
        raise AssertionError("records are read again")

    monkeypatch.setattr(cached_labels.np, "empty", fail)
    again, *_ = load("tfds", path=path, image_size=8)
    assert again.labels.tolist() == train.labels.tolist()


@pytest.fixture
def copied(data_dir, tmp_path):
    """The files of train and validation of a copy that may be damaged."""
    shutil.copytree(data_dir / "farm", tmp_path / "farm")
    folder = tmp_path / "farm" / "small" / "1.2.0"
    return next(folder.glob("*train*")), next(folder.glob("*validation*"))


def test_a_missing_or_damaged_shard_is_named(copied, tmp_path):
    train, validation = copied
    content = train.read_bytes()
    validation.rename(tmp_path / "away")
    with pytest.raises(UserError, match=f"the shard .*{validation.name} is missing"):
        load("tfds", path=str(tmp_path / "farm:small"), image_size=8)
    train.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=train.name) as caught:
        load("tfds", path=str(tmp_path / "farm:small"), image_size=8)
    assert "\n" not in str(caught.value)
    next(train.parent.glob("features.json")).write_text("{")
    with refuses("path") as caught:
        load("tfds", path=str(tmp_path / "farm:small"), image_size=8)


def test_a_size_is_needed_unless_all_images_have_it(data_dir, tmp_path):
    with refuses("image_size", 0):
        load("tfds", path=str(data_dir / "farm:small"))
    features = {"picture": tfds.features.Image(shape=(12, 12, 1))}
    splits = {"everything": [{"picture": image(12, 12, 1, seed=i)} for i in range(3)]}
    prepare(tmp_path, "Grey", features, splits)
    train, test, _ = load("tfds", path=str(tmp_path / "grey"), channels=1)
    assert train.images.shape == (3, 12, 12, 1) and train.labels is None and test is None
    assert train.images.uniform
    assert not load("tfds", path=str(tmp_path / "grey"), image_size=8).train.images.uniform
    expected = sorted(e["picture"].tobytes() for e in splits["everything"])
    assert sorted(train.images[i].tobytes() for i in range(3)) == expected


def test_sets_without_images_are_refused(tmp_path):
    features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
    prepare(tmp_path, "Words", features, {"train": [{"text": "a", "label": 0}]})
    with refuses("path") as caught:
        load("tfds", path=str(tmp_path / "words"), image_size=8)
    assert "not a set of images" in str(caught.value) and "text (Text)" in str(caught.value)


@pytest.mark.parametrize("name", ["Cifar10", "Cifar100"])
def test_cifar_as_tfds_prepares_it(tmp_path, name):
    features = {
        "image": tfds.features.Image(shape=(32, 32, 3)),
        "label": tfds.features.ClassLabel(num_classes=10),
        "coarse_label": tfds.features.ClassLabel(num_classes=2),
    }
    rows = [
        {"image": image(32, 32, 3, seed=i), "label": i % 10, "coarse_label": 1} for i in range(6)
    ]
    splits = {"train": rows[:4], "test": rows[4:]}
    prepare(tmp_path, name, features, splits, keys=("image", "label"))
    train, test, _ = load(name.lower(), path=str(tmp_path))
    assert train.images.shape == (4, 32, 32, 3) and len(train.classes) == 10
    assert same(train, rows[:4]) and same(test, rows[4:])
    assert keeps(train) and keeps(test)  # in device memory, since all are of one size


def test_stl10_as_tfds_prepares_it(tmp_path):
    features = {
        "image": tfds.features.Image(shape=(96, 96, 3)),
        "label": tfds.features.ClassLabel(num_classes=10),
    }
    rows = [{"image": image(96, 96, 3, seed=i), "label": i} for i in range(6)]
    unlabelled = [{**row, "label": -1} for row in rows[4:]]
    splits = {"train": rows[:2], "test": rows[2:4], "unlabelled": unlabelled}
    prepare(tmp_path, "Stl10", features, splits, keys=("image", "label"))
    train, test, labelled = load("stl10", path=str(tmp_path))
    assert train.labels is None and len(train.images) == 2
    assert same(labelled, rows[:2]) and same(test, rows[2:4])
    assert keeps(train) and keeps(labelled)
