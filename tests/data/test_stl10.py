"""A small binary archive in the layout of the official one of STL-10."""

import hashlib
import io
import pickle
import tarfile
import urllib.error
import urllib.request

import numpy as np
import pytest

from ssl_jax.data.dataset import StoredImages, fingerprint, gather, in_memory, take
from ssl_jax.data.load import load
from ssl_jax.data.sources import stl10
from ssl_jax.errors import UserError
from tests.refusals import refuses

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
COUNTS = {"unlabeled": 7, "train": 4, "test": 3}
LABELS = {"train": [1, 10, 4, 4], "test": [2, 10, 1]}  # as stored


def images_of(part):
    """Random images [N, 96, 96, 3], which differ under any transposition."""
    return np.random.default_rng(len(part)).integers(0, 256, (COUNTS[part], 96, 96, 3), np.uint8)


def stored(images):
    """The bytes of the archive, pixel by pixel: channel, then column, then row."""
    return bytes(
        image[y, x, channel]
        for image in images
        for channel in range(3)
        for x in range(96)
        for y in range(96)
    )


@pytest.fixture(scope="module")
def members():
    """{file name: content} of the archive."""
    content = {f"{part}_X.bin": stored(images_of(part)) for part in COUNTS}
    content |= {f"{part}_y.bin": bytes(labels) for part, labels in LABELS.items()}
    return content | {"class_names.txt": "".join(f"{name}\n" for name in CLASSES).encode()}


@pytest.fixture
def folder(tmp_path, members):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    for name, content in members.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("above", [False, True])
def test_images_labels_and_classes(folder, above):
    train, test, labelled = load("stl10", path=str(folder.parent if above else folder))
    for dataset, part in ((train, "unlabeled"), (test, "test"), (labelled, "train")):
        assert dataset.images.shape == (COUNTS[part], 96, 96, 3)
        np.testing.assert_array_equal(in_memory(dataset).images, images_of(part))
    assert train.labels is None and train.classes == ()
    assert test.classes == labelled.classes == CLASSES
    assert labelled.labels.tolist() == [0, 9, 3, 3] and test.labels.tolist() == [1, 9, 0]
    assert test.labels.dtype == labelled.labels.dtype == np.int32


def test_images_are_read_on_access(folder):
    train, *_ = load("stl10", path=str(folder))
    expected = images_of("unlabeled")
    part = take(train, np.array([5, 0, 6, 2]))
    assert isinstance(part.images, StoredImages) and part.images.shape == (4, 96, 96, 3)
    again = pickle.loads(pickle.dumps(part.images))
    assert len(pickle.dumps(part.images)) < 1000  # no pixels are sent to a worker process
    np.testing.assert_array_equal(gather(again, np.array([3, 3, 1])), expected[[2, 2, 0]])
    np.testing.assert_array_equal(take(part, np.array([2])).images[0], expected[6])
    (folder / "unlabeled_X.bin").write_bytes(b"")
    with pytest.raises(UserError, match="unlabeled_X.bin has become unreadable"):
        part.images[0]


def test_the_fingerprint_depends_on_the_images_but_not_on_the_location(folder, tmp_path):
    here, test, labelled = load("stl10", path=str(tmp_path))
    folder.rename(tmp_path / "elsewhere")
    there, *_ = load("stl10", path=str(tmp_path / "elsewhere"))
    assert fingerprint(here) == fingerprint(there)
    parts = [take(here, np.array(indices)) for indices in ([0, 1], [1, 0], [0, 2])]
    assert len({fingerprint(dataset) for dataset in (here, test, labelled, *parts)}) == 6


def check_refused(message, folder):
    with pytest.raises(UserError, match=message) as error:
        load("stl10", path=str(folder))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("unlabeled_X.bin", lambda c: c[:-1], "unlabeled_X.bin must have 27648 bytes per image"),
        ("unlabeled_X.bin", lambda c: b"", "unlabeled_X.bin must have .* not 0 in all"),
        ("train_X.bin", lambda c: c[:-27648], "train_y.bin must contain .* each of 3 images"),
        ("test_y.bin", lambda c: c[:-1], "test_y.bin must contain a class from 1 to 10"),
        ("test_y.bin", lambda c: bytes([0, 1, 2]), "test_y.bin must contain a class from 1 to 10"),
        ("test_y.bin", lambda c: bytes([1, 2, 11]), "test_y.bin must contain a class from 1 to 10"),
    ],
)
def test_damaged_files_are_refused(folder, name, change, message):
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    check_refused(message, folder)


@pytest.mark.parametrize("name", ["unlabeled_X.bin", "train_X.bin", "test_y.bin"])
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    check_refused(f"{name} cannot be read: .*No such file", folder)


def test_a_path_that_is_not_a_folder_is_refused():
    with refuses("path", "missing"):
        load("stl10", path="missing")


def test_without_data_and_offline_the_message_says_so(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise urllib.error.URLError("offline")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with refuses("path", str(tmp_path)) as caught:
        load("stl10", path=str(tmp_path))
    message = str(caught.value)
    assert "must contain stl10_binary, the unpacked binary archive" in message
    assert "offline" in message


def test_the_archive_itself_is_unpacked(tmp_path, monkeypatch, members):
    archive = tmp_path / "stl10_binary.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        for name, content in members.items():
            member = tarfile.TarInfo(f"stl10_binary/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    with refuses("path") as caught:
        load("stl10", path=str(tmp_path))
    assert "wrong checksum" in str(caught.value)
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(stl10, "ARCHIVE", stl10.ARCHIVE._replace(md5=md5))
    train, *_ = load("stl10", path=str(tmp_path))
    np.testing.assert_array_equal(in_memory(train).images, images_of("unlabeled"))
