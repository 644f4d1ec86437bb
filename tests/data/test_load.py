"""Data sets by name."""

import subprocess
import sys

import pytest
from ml_collections import ConfigDict

from ssl_jax.data.load import load
from ssl_jax.setup.data import load_splits
from tests.refusals import refuses


def test_an_unknown_name_is_refused_with_a_list_of_names():
    with refuses("name", "digit") as caught:
        load("digit")
    names = (
        "cifar10, cifar100, digits, folder, list, npz, parquet, records, stl10, tfds, "
        "tiny_imagenet, voc07, webdataset"
    )
    assert names in str(caught.value)


def test_other_modules_are_not_data_sets():
    with refuses("name", "..order"):
        load("..order")
    with refuses("name", "ssl_jax.data.order"):
        load("ssl_jax.data.order")


def test_a_module_of_a_user_is_a_data_set(tmp_path, monkeypatch):
    (tmp_path / "my_sets").mkdir()
    (tmp_path / "my_sets" / "grey.py").write_text(
        "import numpy as np\n"
        "from ssl_jax.data.dataset import Dataset\n"
        "def load(*, path, image_size, channels):\n"
        "    images = np.full((int(path), 4, 4, 3), 7, np.uint8)\n"
        "    return Dataset(images, None, ()), None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    train, test, labelled = load("my_sets.grey", path="5")
    assert train.images.shape == (5, 4, 4, 3) and test is None and labelled is None


IMAGES = "np.zeros((4, 8, 8, 3), np.uint8)"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("{}", "dict"),
        ("(1, 2, 3, 4)", "tuple"),
        (f"Dataset({IMAGES}, None, ())", "Dataset"),
        ("({}, None)", "dict"),
        ("(None, None)", "train"),
        (f"(Dataset({IMAGES}, None, ()), 3)", "test"),
        (f"(Dataset({IMAGES} / 255, None, ()), None)", "float64"),
        (f"(Dataset({IMAGES}[..., 0], None, ()), None)", "[4, 8, 8]"),
        (f"(Dataset({IMAGES}[..., :2], None, ()), None)", "[4, 8, 8, 2]"),
        (f"(Dataset({IMAGES}[:0], None, ()), None)", "[0, 8, 8, 3]"),
        (f"(Dataset({IMAGES}, np.zeros(3, np.int32), ('a',)), None)", "3 labels for 4"),
        (f"(Dataset({IMAGES}, np.arange(4), ('a', 'b')), None)", "0 to 3"),
        (f"(Dataset({IMAGES}, -np.ones(4, np.int32), ('a',)), None)", "-1"),
        (f"(Dataset({IMAGES}, np.zeros(4), ('a',)), None)", "float64"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_a_users_module_returns_wrongly_is_said(returned, said, tmp_path, monkeypatch):
    (tmp_path / "my_wrong").mkdir()
    (tmp_path / "my_wrong" / "data.py").write_text(
        "import numpy as np\n"
        "from ssl_jax.data.dataset import Dataset\n"
        "def load(*, path, image_size, channels):\n"
        f"    return {returned}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_wrong.data", raising=False)
    monkeypatch.delitem(sys.modules, "my_wrong", raising=False)
    with refuses("name", "my_wrong.data") as caught:
        load("my_wrong.data")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"), [("image_size", 32), ("channels", 3), ("image_size", -8), ("classes", "list")]
)
def test_arrays_are_not_resized(key, value):
    with refuses(key, value):
        load("digits", **{key: value})


def test_the_configuration_is_named_in_refusals():
    data = {"name": "npz", "path": "nowhere", "image_size": 0, "channels": 0, "classes": ""}
    with refuses("config.data.path", "nowhere"):
        load_splits(ConfigDict({"data": data, "seed": 0}))


def test_the_size_of_the_images_is_accepted():
    assert len(load("digits", image_size=8, channels=1)[0].images) == 1437


def test_reading_data_imports_neither_jax_nor_tensorflow_datasets():
    # grain's workers read data; they must not touch the accelerator.
    script = (
        "import sys, ssl_jax.data.load, ssl_jax.data.statistics, ssl_jax.data.sources.folder,"
        " ssl_jax.data.sources.stl10\n"
        "print(sorted({'jax', 'tensorflow', 'tensorflow_datasets'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert output.stdout == "[]\n", output.stderr
