"""From files to records: nothing lost, nothing doubled, everything said."""

import collections
import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ssl_jax import prepare
from ssl_jax.data.load import load
from ssl_jax.data.records.shard import Record
from ssl_jax.errors import UserError
from ssl_jax.preparation import encode
from ssl_jax.preparation import prepare as engine
from tests.preparation.photos import CLASSES, write_photos
from tests.refusals import refuses


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path / "photos", {"train": 6, "test": 2})


def run(images, folder, *flags):
    prepare.main(["prepare", f"--images={images}", f"--output={folder}", *flags])


SMALL = "--shard_mb=0.004"


def records(folder, split="train"):
    """(name, label, bytes) of each image, in order."""
    loaded = load("records", path=str(folder), image_size=8)
    part = loaded.train if split == "train" else loaded.test
    names = [part.images.name(index).partition(": ")[2] for index in range(len(part.images))]
    content = [part.images.read(index) for index in range(len(part.images))]
    return list(zip(names, part.labels.tolist(), content, strict=True))


def test_files_and_their_records_give_the_same_images_labels_and_order(photos, tmp_path):
    run(photos, tmp_path / "out", "--short_side=0")
    files = load("folder", path=str(photos), image_size=16)
    found = load("records", path=str(tmp_path / "out"), image_size=16)
    for ours, theirs in zip(found[:2], files[:2], strict=True):
        assert ours.classes == theirs.classes == CLASSES
        assert ours.labels.tolist() == theirs.labels.tolist()
        assert len(ours.images) == len(theirs.images) > 0
        for index in range(len(ours.images)):
            np.testing.assert_array_equal(ours.images[index], theirs.images[index])
            assert ours.images.name(index).endswith(theirs.images.names[index])


def test_only_images_that_are_too_large_are_shrunk(photos, tmp_path):
    run(photos, tmp_path / "out", "--short_side=22", "--quality=90")
    shrunk = 0
    for name, _, content in records(tmp_path / "out"):
        before = (photos / name).read_bytes()
        old, new = Image.open(io.BytesIO(before)), Image.open(io.BytesIO(content))
        if min(old.size) <= 22:
            assert content == before
            continue
        shrunk += 1
        assert new.format == "JPEG" and min(new.size) == 22
        assert max(new.size) == round(22 * max(old.size) / min(old.size))
        expected = np.asarray(old.convert("RGB").resize(new.size, Image.Resampling.BICUBIC), float)
        assert np.abs(np.asarray(new, float) - expected).mean() < 6  # what JPEG changes
    assert 0 < shrunk < 18


def test_grey_images_stay_grey_and_upright(tmp_path):
    for name in "ab":
        (tmp_path / "photos" / name).mkdir(parents=True)
        ramp = np.tile(np.arange(0, 240, 4, np.uint8), (40, 1))
        image = Image.fromarray(ramp)
        exif = image.getexif()
        exif[0x0112] = 6  # to be turned clockwise
        for index in range(2):
            image.save(tmp_path / "photos" / name / f"{index}.jpg", exif=exif, quality=95)
    run(tmp_path / "photos", tmp_path / "out", "--short_side=20")
    (_, _, content), *_ = records(tmp_path / "out")
    image = Image.open(io.BytesIO(content))
    assert image.mode == "L" and image.size == (20, 30)
    assert np.asarray(image)[0].mean() < 10 < 220 < np.asarray(image)[-1].mean()


def test_the_manifest_counts_and_sums_up(photos, tmp_path):
    out = tmp_path / "out"
    run(photos, out, SMALL)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["classes"] == list(CLASSES) and manifest["skipped"] == []
    for split, count in (("train", 6), ("test", 2)):
        entry = manifest["splits"][split]
        assert entry["images"] == 3 * count
        assert entry["images_per_class"] == dict.fromkeys(CLASSES, count)
        assert sum(shard["images"] for shard in entry["shards"]) == 3 * count
        for shard in entry["shards"]:
            content = (out / shard["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == shard["sha256"]
            assert len(content) == shard["bytes"]
    assert len(manifest["splits"]["train"]["shards"]) > 2
    assert sorted(name for name, *_ in records(out)) == sorted(
        str(path.relative_to(photos)) for path in (photos / "train").rglob("*.*")
    )


def test_what_is_skipped_is_named_with_its_reason(photos, tmp_path, capsys):
    victim = photos / "train" / "dog" / "02.jpg"
    images = load("folder", path=str(photos), image_size=8).train.images
    index = [images.name(i) for i in range(len(images))].index(str(victim))
    before = [images.names[i] for i in range(len(images)) if i != index]
    victim.write_bytes(victim.read_bytes()[:-100])  # no longer whole once it is prepared
    stored = encode.store(images, index, short_side=0, quality=95)
    assert stored.image is None and "truncated" in stored.reason
    victim.write_bytes(b"no image at all")
    assert encode.store(images, index, short_side=0, quality=95).reason == "not an image"
    run(photos, tmp_path / "out")
    assert "02.jpg" in capsys.readouterr().out
    assert [name for name, *_ in records(tmp_path / "out")] == before


class Killed(BaseException):
    """Ends a command in the middle."""


@pytest.mark.parametrize("after", [1, 7, 13, 19])
def test_an_interrupted_command_resumes(photos, tmp_path, monkeypatch, after, capsys):
    """After some images of train (18) or test (6); the result is that of an uninterrupted one."""
    run(photos, tmp_path / "whole", SMALL)
    original, count = engine.ShardWriter.add, 0

    def add(self, record):
        nonlocal count
        count += 1
        if count > after:
            raise Killed
        original(self, record)

    with monkeypatch.context() as patch:
        patch.setattr(engine.ShardWriter, "add", add)
        with pytest.raises(Killed):
            run(photos, tmp_path / "out", SMALL)
    assert not (tmp_path / "out" / "manifest.json").exists()
    with refuses("path"):
        load("records", path=str(tmp_path / "out"), image_size=8)
    run(photos, tmp_path / "out", SMALL)
    assert ("resuming after" in capsys.readouterr().out) == (after > 1)
    for split in ("train", "test"):
        assert records(tmp_path / "out", split) == records(tmp_path / "whole", split)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        p.name for p in (tmp_path / "whole").iterdir()
    }


SLOWLY = """
import sys, threading
from ssl_jax import prepare
from ssl_jax.preparation import prepare as engine
original = engine.ShardWriter.close
def close(self):
    made = original(self)
    if made.number == 2:
        print("now", flush=True)
        threading.Event().wait()  # to be killed
    return made
engine.ShardWriter.close = close
prepare.main(["prepare", *sys.argv[1:]])
"""


def test_a_killed_command_resumes(photos, tmp_path):
    run(photos, tmp_path / "whole", SMALL)
    flags = [f"--images={photos}", f"--output={tmp_path / 'out'}", SMALL]
    command = [sys.executable, "-c", SLOWLY, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any(line == "now\n" for line in process.stdout)
        with pytest.raises(UserError, match="another command is writing to it"):
            run(photos, tmp_path / "out", SMALL)
        process.send_signal(signal.SIGKILL)
    run(photos, tmp_path / "out", SMALL)
    for split in ("train", "test"):
        assert records(tmp_path / "out", split) == records(tmp_path / "whole", split)


def test_a_folder_is_of_one_preparation(photos, tmp_path, capsys):
    out = tmp_path / "out"
    run(photos, out)
    before = (out / "manifest.json").read_bytes()
    run(photos, out)
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(UserError, match="another short_side"):
        run(photos, out, "--short_side=20")
    (photos / "train" / "cow" / "00.jpg").unlink()
    with pytest.raises(UserError, match="another images.train"):
        run(photos, out)
    assert (out / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--short_side=-1", "--short_side=-1 must"),
        ("--quality=0", "--quality=0 must"),
        ("--quality=101", "--quality=101 must"),
        ("--shard_mb=0", "--shard_mb=0 must"),
        ("--images=nowhere", "nowhere"),
        ("--classes=nowhere", "nowhere"),
    ],
)
def test_wrong_flags_are_refused(photos, tmp_path, flag, message):
    with pytest.raises(UserError, match=message) as caught:
        run(photos, tmp_path / "out", flag)
    assert "\n" not in str(caught.value)


def test_folders_that_hold_something_else_are_left_alone(photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds thesis.tex"):
        run(photos, tmp_path / "out")
    with pytest.raises(UserError, match="must not lie in"):
        run(photos, photos / "out")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be created"):
        run(photos, tmp_path / "file")
    assert not (photos / "out").exists()


def test_a_full_disk_is_said_and_resumed(photos, tmp_path, monkeypatch):
    def close(self):
        raise RuntimeError("write() failed: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(engine.ShardWriter, "close", close)
        with pytest.raises(UserError, match="out cannot be written: .*No space left"):
            run(photos, tmp_path / "out")
    run(photos, tmp_path / "out")
    assert len(records(tmp_path / "out")) == 18


def test_what_a_killed_command_was_writing_is_removed(photos, tmp_path):
    run(photos, tmp_path / "out")
    left = ["begun.json.0a1b2c3d.part", "manifest.json.00000000.part", "train-00007.json.part"]
    for name in [*left, "train-00007.array_record.part"]:
        (tmp_path / "out" / name).write_text("half")
    run(photos, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.part"))
    (tmp_path / "out" / "thesis.json.0a1b2c3d.part").touch()
    with pytest.raises(UserError, match="holds thesis.json"):
        run(photos, tmp_path / "out")


def test_a_disk_that_is_full_for_a_shard_leaves_no_part(photos, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    from ssl_jax.data.records import shard

    with monkeypatch.context() as patch:
        patch.setattr(shard, "_finish", full)
        with pytest.raises(UserError, match="out cannot be written: No space left on device$"):
            run(photos, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["begun.json"]


def test_names_need_not_be_unicode(tmp_path):
    photos = write_photos(tmp_path / "photos", {"train": 2, "test": 1})
    odd = os.fsencode(photos / "train" / "cow") + b"/\xff.jpg"
    os.rename(photos / "train" / "cow" / "00.jpg", odd)
    run(photos, tmp_path / "out")
    assert os.fsdecode(b"train/cow/\xff.jpg") in [name for name, *_ in records(tmp_path / "out")]


def test_a_record_is_a_map_of_messagepack(photos, tmp_path):
    import msgpack
    from array_record.python.array_record_module import ArrayRecordReader

    run(photos, tmp_path / "out", "--short_side=0")
    reader = ArrayRecordReader(str(tmp_path / "out" / "test-00000.array_record"))
    found = [msgpack.unpackb(reader.read([i])[0]) for i in range(reader.num_records())]
    reader.close()
    assert collections.Counter(record["label"] for record in found) == {0: 2, 1: 2, 2: 2}
    for record in found:
        assert record["image"] == (photos / record["name"]).read_bytes()
    assert Record.unpack(Record(b"x", 3, "a\udcff").pack()) == Record(b"x", 3, "a\udcff")
