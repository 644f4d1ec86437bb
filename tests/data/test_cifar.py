"""CIFAR archives with the layout and the pickle protocol of the official Python archives."""

import errno
import hashlib
import io
import os
import pickle
import struct
import tarfile
import urllib.error
import urllib.request

import numpy as np
import pytest

from ssl_jax.data.load import load
from ssl_jax.data.sources import cifar10
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic
from tests.refusals import refuses

RNG = np.random.default_rng(0)
CIFAR10_FILES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def python2(value):
    """Pickles `value` like cPickle of Python 2: byte strings, and old module names of NumPy."""
    if isinstance(value, bytes):
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(python2(k) + python2(v) for k, v in value.items()) + b"u"
    dtype = b"cnumpy\ndtype\n(" + python2(b"u1") + python2(0) + python2(1) + b"tR"
    empty = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + python2(b"b") + b"tR"
    )
    shape = b"(" + b"".join(map(python2, value.shape)) + b"t"
    return empty + b"(K\x01" + shape + dtype + b"\x89" + python2(value.tobytes()) + b"tb"


def write(path, content):
    path.write_bytes(b"\x80\x02" + python2(content) + b".")


def write_cifar10(folder):
    """Three images per file; returns {file: (rows, labels)}."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in CIFAR10_FILES:
        rows, labels = RNG.integers(0, 256, (3, 3072), np.uint8), RNG.integers(0, 10, 3).tolist()
        write(folder / name, {b"batch_label": name.encode(), b"labels": labels, b"data": rows})
        written[name] = rows, labels
    names = [f"class {number}".encode() for number in range(10)]
    write(folder / "batches.meta", {b"num_vis": 3072, b"label_names": names})
    return written


def test_cifar10_images_labels_and_classes(tmp_path):
    written = write_cifar10(tmp_path / "cifar-10-batches-py")
    train, test, _ = load("cifar10", path=str(tmp_path))
    again, *_ = load("cifar10", path=str(tmp_path / "cifar-10-batches-py"))
    np.testing.assert_array_equal(train.images, again.images)
    assert train.images.shape == (15, 32, 32, 3) and test.images.shape == (3, 32, 32, 3)
    assert train.classes == test.classes == tuple(f"class {number}" for number in range(10))
    index = 0
    for name in CIFAR10_FILES[:5]:
        for row, label in zip(*written[name], strict=True):
            assert train.labels[index] == label
            for y, x, channel in [(0, 0, 0), (31, 0, 1), (5, 17, 2), (30, 31, 2)]:
                assert train.images[index, y, x, channel] == row[1024 * channel + 32 * y + x]
            index += 1
    assert test.labels.tolist() == written["test_batch"][1]


def test_cifar100_has_fine_labels(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        rows = RNG.integers(0, 256, (4, 3072), np.uint8)
        labels = {b"coarse_labels": [0, 1, 0, 1], b"fine_labels": [7, 99, 0, 42]}
        write(folder / name, {b"data": rows, **labels})
    names = [f"fine {number}".encode() for number in range(100)]
    write(folder / "meta", {b"coarse_label_names": [b"a", b"b"], b"fine_label_names": names})
    train, test, _ = load("cifar100", path=str(tmp_path))
    assert train.labels.tolist() == test.labels.tolist() == [7, 99, 0, 42]
    assert len(train.classes) == 100 and train.classes[42] == "fine 42"


def test_batches_written_by_python_3_are_also_read(tmp_path):
    written = write_cifar10(tmp_path)
    rows, labels = written["test_batch"]
    content = {b"data": rows, b"labels": labels}
    (tmp_path / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    assert load("cifar10", path=str(tmp_path))[1].labels.tolist() == labels


class Malicious:
    def __init__(self, victim):
        self.victim = str(victim)

    def __reduce__(self):
        return os.mkdir, (self.victim,)


def test_a_malicious_pickle_is_refused_without_running_it(tmp_path):
    write_cifar10(tmp_path)
    victim = tmp_path / "created by the pickle"
    attack = pickle.dumps({b"data": Malicious(victim), b"labels": []}, protocol=2)
    (tmp_path / "data_batch_3").write_bytes(attack)
    with pytest.raises(UserError, match=r"data_batch_3 cannot be read: .*posix.mkdir"):
        load("cifar10", path=str(tmp_path))
    assert not victim.exists()
    pickle.loads(attack)  # the attack would have worked
    assert victim.exists()


GOOD = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 9]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**GOOD, b"labels": [0, 10]}, "test_batch must contain 3072 bytes and a class number"),
        ({**GOOD, b"labels": [0, 9, 1]}, "test_batch must contain 3072 bytes"),
        ({**GOOD, b"labels": [b"a", b"b"]}, "test_batch must contain 3072 bytes"),
        ({**GOOD, b"data": np.zeros((2, 3071), np.uint8)}, "test_batch must contain 3072 bytes"),
        ({**GOOD, b"data": [0, 9]}, "test_batch must contain 3072 bytes"),
        ({b"data": GOOD[b"data"]}, "test_batch cannot be read: KeyError"),
        ([0, 9], "test_batch cannot be read: TypeError"),
    ],
)
def test_other_content_is_refused(tmp_path, content, message):
    write_cifar10(tmp_path)
    write(tmp_path / "test_batch", content)
    with pytest.raises(UserError, match=message) as error:
        load("cifar10", path=str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_missing_or_truncated_file_is_refused(tmp_path):
    write_cifar10(tmp_path)
    content = (tmp_path / "data_batch_2").read_bytes()
    (tmp_path / "data_batch_2").write_bytes(content[:5000])
    with pytest.raises(UserError, match="data_batch_2 cannot be read: .*truncated"):
        load("cifar10", path=str(tmp_path))
    (tmp_path / "data_batch_2").unlink()
    with pytest.raises(UserError, match="data_batch_2 cannot be read: .*No such file"):
        load("cifar10", path=str(tmp_path))


def test_a_path_that_is_not_a_folder_is_refused():
    with refuses("path", "missing"):
        load("cifar10", path="missing")


def test_without_data_and_offline_the_message_says_so(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise urllib.error.URLError("offline")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with refuses("path", str(tmp_path)) as error:
        load("cifar10", path=str(tmp_path))
    message = str(error.value)
    assert "must contain cifar-10-batches-py, the unpacked Python archive" in message
    assert f"{tmp_path / 'cifar-10-python.tar.gz'} does not exist" in message
    assert "offline" in message and list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_fault_of_the_network(tmp_path, monkeypatch):
    """One line, no second address, and nothing left of the archive."""
    asked = []

    def online(url, timeout):
        asked.append(url)
        return io.BytesIO(b"content")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(urllib.request, "urlopen", online)
    monkeypatch.setattr(atomic, "synchronize", full)
    with pytest.raises(UserError, match=r"python.tar.gz cannot be written: No space left on dev"):
        load("cifar10", path=str(tmp_path))
    assert len(asked) == 1 and list(tmp_path.iterdir()) == []


def test_the_archive_is_downloaded_once(tmp_path, monkeypatch):
    """An empty path is the data folder of TensorFlow Datasets; the first address fails."""
    written = write_cifar10(tmp_path / "made" / "cifar-10-batches-py")
    with tarfile.open(tmp_path / "made.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "made", arcname=".")
    content = (tmp_path / "made.tar.gz").read_bytes()
    asked = []

    def online(url, timeout):
        asked.append(url)
        if len(asked) == 1:
            raise urllib.error.URLError("moved")
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", online)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "sets"))
    md5 = hashlib.md5(content).hexdigest()
    layout = cifar10.LAYOUT._replace(archive=cifar10.LAYOUT.archive._replace(md5=md5))
    monkeypatch.setattr(cifar10, "LAYOUT", layout)
    for _ in range(2):
        _, test, _ = load("cifar10")
        assert test.labels.tolist() == written["test_batch"][1]
    assert asked == list(layout.archive.urls)
    assert sorted(path.name for path in (tmp_path / "sets").iterdir()) == [
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz",
    ]
