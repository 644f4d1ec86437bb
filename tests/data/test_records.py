"""Reading records: verified, at random positions, in any process."""

import concurrent.futures
import multiprocessing
import os
import pickle
import shutil

import numpy as np
import pytest

from ssl_jax.data.dataset import gather, take
from ssl_jax.data.load import load
from ssl_jax.data.records import manifest
from ssl_jax.errors import UserError
from ssl_jax.preparation.command import run
from ssl_jax.preparation.prepare import Settings
from tests.preparation.photos import CLASSES, write_photos
from tests.refusals import refuses


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        photos = write_photos(folder / "photos", {"train": 5, "test": 2})
        run(photos, folder / "out", Settings(short_side=0, quality=95, shard_bytes=5000))
    return folder / "out"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def copied(prepared, tmp_path):
    """A copy, whose files are not as old as they were written."""
    return shutil.copytree(prepared, tmp_path / "out", copy_function=shutil.copy)


def read(folder):
    return load("records", path=str(folder), image_size=8)


def read_one(images, index):
    return images[index]


def test_images_are_read_at_random_positions_in_any_process(prepared):
    train = read(prepared).train
    assert len({shard.filename for shard in train.images.shards}) > 2
    everything = gather(train.images, np.arange(15))
    part = take(train, np.array([11, 0, 7]))
    np.testing.assert_array_equal(gather(part.images, np.arange(3)), everything[[11, 0, 7]])
    again = pickle.loads(pickle.dumps(part.images))  # with shards open
    np.testing.assert_array_equal(again[2], everything[7])
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
        found = list(pool.map(read_one, [train.images] * 4, [14, 3, 8, 0]))
    np.testing.assert_array_equal(found, everything[[14, 3, 8, 0]])


def test_channels_and_size(prepared):
    train, test, _ = load("records", path=str(prepared), image_size=12, channels=1)
    assert train.images[0].shape == (12, 12, 1) and test.images.shape == (6, 12, 12, 1)
    with refuses("image_size", 0):
        load("records", path=str(prepared))
    with refuses("channels", 2):
        load("records", path=str(prepared), image_size=8, channels=2)


def test_a_list_of_classes(prepared, tmp_path):
    (tmp_path / "list").write_text("EMU a bird\ncow\n")
    whole = read(prepared)
    found = load("records", path=str(prepared), image_size=8, classes=str(tmp_path / "list"))
    for part, before in zip(found[:2], whole[:2], strict=True):
        kept = np.flatnonzero(before.labels != CLASSES.index("dog"))
        assert part.classes == ("cow", "emu")
        assert part.labels.tolist() == (before.labels[kept] // 2).tolist()
        expected = gather(before.images, kept)
        np.testing.assert_array_equal(gather(part.images, np.arange(len(kept))), expected)
    (tmp_path / "list").write_text("emu\nyak\n")
    with refuses("classes"):
        load("records", path=str(prepared), image_size=8, classes=str(tmp_path / "list"))


def test_a_folder_without_manifest_is_refused(tmp_path):
    for path in ("", str(tmp_path), "nowhere"):
        with refuses("path", path):
            load("records", path=path, image_size=8)


def check_refused(folder, *words):
    with pytest.raises(UserError) as caught:
        read(folder)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_damage_of_a_copy_is_found_before_anything_is_read(copied):
    shard = copied / "train-00001.array_record"
    content = shard.read_bytes()
    read(copied)
    shard.write_bytes(content[:-1])
    check_refused(copied, shard.name, "not whole")
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    shard.write_bytes(changed)
    check_refused(copied, shard.name, "checksum")
    shard.unlink()
    check_refused(copied, shard.name, "No such file")
    shard.write_bytes(content)
    read(copied)
    index = copied / "test-00000.json"
    index.write_text(index.read_text().replace('"labels": [0', '"labels": [1'))
    check_refused(copied, index.name)
    index.unlink()
    check_refused(copied, index.name)
    (copied / "manifest.json").write_text("{}")
    check_refused(copied, "manifest.json")


def test_damage_that_comes_later_is_named_when_it_is_read(prepared, tmp_path):
    folder = shutil.copytree(prepared, tmp_path / "out")  # with the times of the originals
    shard = folder / "train-00001.array_record"
    status = shard.stat()
    content = bytearray(shard.read_bytes())
    middle = content.index(b"JFIF") + 100  # in the first image
    content[middle] ^= 1
    shard.write_bytes(content)
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))
    train = read(folder).train
    with pytest.raises(UserError, match=shard.name) as caught:
        gather(train.images, np.arange(15))
    assert "\n" not in str(caught.value)


def test_a_shard_is_compared_with_its_checksum_once(copied, monkeypatch):
    compared = []
    original = manifest._compare
    monkeypatch.setattr(
        manifest, "_compare", lambda shard, sha: (compared.append(shard.name), original(shard, sha))
    )
    read(copied)
    shards = sorted(path.name for path in copied.glob("*.array_record"))
    assert sorted(compared) == shards
    read(copied)
    assert sorted(compared) == shards


def test_what_was_just_written_is_not_read_again(prepared, monkeypatch):
    monkeypatch.setattr(manifest, "_compare", lambda *_: pytest.fail("it is read again"))
    read(prepared)
