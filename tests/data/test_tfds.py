"""The builders of TensorFlow Datasets on small archives, without TensorFlow."""

import importlib.util
import io
import sys
import tarfile
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import checksums
from tensorflow_datasets.core.utils import lazy_imports_utils

from ssl_jax.data.load import load
from ssl_jax.errors import UserError

CASES = {
    # Classes of each label in a record (the last label is used), folder, files of class names,
    # files of records.
    "cifar10": (
        [10],
        "cifar-10-batches-bin",
        ["batches.meta.txt"],
        [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"],
    ),
    "cifar100": (
        [20, 100],
        "cifar-100-binary",
        ["coarse_label_names.txt", "fine_label_names.txt"],
        ["train.bin", "test.bin"],
    ),
}


@pytest.fixture(autouse=True)
def no_tensorflow(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # TFDS leaves empty folders there
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("these tests are about the absence of TensorFlow, which is installed")
    yield
    assert "tensorflow" not in sys.modules
    assert "_module" not in vars(lazy_imports_utils.tensorflow)  # the stand-in is gone


def write_archive(folder, name, images=4):
    """Writes a binary archive as TFDS downloads it; returns (archive, {file: records})."""
    classes, prefix, names, files = CASES[name]
    rng = np.random.default_rng(0)
    members = {
        file: "\n".join(f"{file} {n}" for n in range(count)).encode() + b"\n\n"
        for file, count in zip(names, classes, strict=True)
    }
    records = {}
    for file in files:
        labels = rng.integers(0, classes, (images, len(classes)), np.uint8)
        pixels = rng.integers(0, 256, (images, 3072), np.uint8)
        records[file] = np.concatenate([labels, pixels], axis=1)
        members[file] = records[file].tobytes()
    (info,) = tfds.builder(name, data_dir=folder).url_infos.values()
    with tarfile.open(folder / info.filename, "w:gz") as archive:
        for file, content in members.items():
            member = tarfile.TarInfo(f"{prefix}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / info.filename, records


def accept(archive, name):
    """Makes TFDS accept the archive, which has another checksum than the real one."""
    url_infos = tfds.builder(name, data_dir=archive.parent).url_infos
    (url,) = url_infos
    return mock.patch.dict(url_infos, {url: checksums.compute_url_info(archive)})


def images_with_labels(images, labels):
    """Pairs in sorted order, since TFDS shuffles."""
    return sorted((bytes(image), int(label)) for image, label in zip(images, labels, strict=True))


def as_written(records, labels):
    images = records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images_with_labels(np.ascontiguousarray(images), records[:, labels - 1])


@pytest.mark.parametrize("name", CASES)
def test_an_archive_is_prepared_and_read_to_the_bit(tmp_path, name):
    archive, records = write_archive(tmp_path, name)
    with accept(archive, name):
        prepared = load(name, path=str(tmp_path))
    archive.unlink()  # from now on the prepared files must suffice
    for train, test, _ in (prepared, load(name, path=str(tmp_path))):
        classes, _, names, files = CASES[name]
        expected = as_written(np.concatenate([records[f] for f in files[:-1]]), len(classes))
        assert images_with_labels(train.images, train.labels) == expected
        assert images_with_labels(test.images, test.labels) == as_written(
            records[files[-1]], len(classes)
        )
        assert train.images.dtype == np.uint8 and train.labels.dtype == np.int32
        assert train.classes == tuple(f"{names[-1]} {n}" for n in range(classes[-1]))


def test_an_archive_with_a_wrong_checksum_is_refused(tmp_path):
    write_archive(tmp_path, "cifar10")
    with pytest.raises(UserError, match="failed on cifar10: .*wrong checksum") as error:
        load("cifar10", path=str(tmp_path))
    assert "\n" not in str(error.value)


def test_files_without_random_access_are_refused(tmp_path):
    archive, _ = write_archive(tmp_path, "cifar10")
    with accept(archive, "cifar10"):
        load("cifar10", path=str(tmp_path))
    (info,) = tmp_path.glob("cifar10/*/dataset_info.json")
    info.write_text(info.read_text().replace('"array_record"', '"tfrecord"'))
    for file in info.parent.glob("*array_record*"):
        file.rename(info.parent / file.name.replace("array_record", "tfrecord"))
    with pytest.raises(UserError, match="Random access .* not supported") as error:
        load("cifar10", path=str(tmp_path))
    assert "\n" not in str(error.value)


def test_damaged_records_are_refused(tmp_path):
    archive, _ = write_archive(tmp_path, "cifar10")
    with accept(archive, "cifar10"):
        load("cifar10", path=str(tmp_path))
    (records,) = tmp_path.glob("cifar10/*/*test.array_record*")
    content = bytearray(records.read_bytes())
    content[len(content) // 2] ^= 255
    records.write_bytes(content)
    with pytest.raises(UserError, match="TensorFlow Datasets failed on cifar10"):
        load("cifar10", path=str(tmp_path))
