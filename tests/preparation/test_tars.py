"""Tars as they are: the records of the unpacked folder, and nothing written by their names."""

import bz2
import errno
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io

from ssl_jax import prepare
from ssl_jax.data.archives.tar_index import contents
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic
from tests.preparation.photos import CLASSES, write_photos


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path / "photos", {"train": 4, "test": 2})


def run(images, folder, *flags):
    prepare.main(["prepare", f"--images={images}", f"--output={folder}", "--short_side=0", *flags])


def shards(folder):
    """{name: content} of the records."""
    return {path.name: path.read_bytes() for path in folder.glob("*.array_record")}


def pack(target, entries):
    """Writes {name: content or TarInfo} as a tar, in this order."""
    with tarfile.open(target, "w") as tar:
        for name, content in entries.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target


def files(folder):
    """{path in the folder: content}, not in order."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in reversed(found)}


@pytest.mark.parametrize("opener", [None, gzip.open, bz2.open, lzma.open])
def test_a_tar_of_folders_gives_the_records_of_the_folders(photos, tmp_path, opener, capsys):
    tar = pack(tmp_path / "set.tar", {f"./set/{name}": c for name, c in files(photos).items()})
    if opener:
        suffix = {gzip.open: "gz", bz2.open: "bz2", lzma.open: "xz"}[opener]
        packed = tmp_path / f"set.tar.{suffix}"
        with opener(packed, "wb") as file:
            file.write(tar.read_bytes())
        tar.unlink()
        tar = packed
    run(photos, tmp_path / "of_files")
    run(tar, tmp_path / "of_tar")
    assert "ssl_jax-names" not in capsys.readouterr().out  # the folder that nobody has asked for
    train, test, _ = load("records", path=str(tmp_path / "of_tar"), image_size=8)
    files_train, files_test, _ = load("records", path=str(tmp_path / "of_files"), image_size=8)
    for ours, theirs in ((train, files_train), (test, files_test)):
        assert ours.labels.tolist() == theirs.labels.tolist() and ours.classes == theirs.classes
        for index in range(len(theirs.images)):
            assert ours.images.read(index) == theirs.images.read(index)
    names = sorted(path.name for path in (tmp_path / "of_tar").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "of_files").iterdir())


def test_tars_inside_tars_and_beside_each_other_are_folders(photos, tmp_path):
    run(photos, tmp_path / "of_files")
    nested, flat = {}, tmp_path / "tars"
    flat.mkdir()
    for part in ("train", "test"):
        inner = {}
        for name in CLASSES:
            images = files(photos / part / name)
            inner[f"{name}.tar"] = pack(tmp_path / "one.tar", images).read_bytes()
        nested[f"{part}/{CLASSES[0]}.tar.gz"] = gzip.compress(inner.pop(f"{CLASSES[0]}.tar"))
        nested |= {f"{part}/{name}": content for name, content in inner.items()}
        pack(flat / f"{part}.tar", files(photos / part))
    run(pack(tmp_path / "nested.tar", nested), tmp_path / "of_nested")
    run(flat, tmp_path / "of_flat")
    expected = shards(tmp_path / "of_files")
    assert shards(tmp_path / "of_nested") == expected == shards(tmp_path / "of_flat")


WNIDS = ("n01440764", "n01443537", "n02099601")
# ILSVRC's numbers are not in the order of the ids.
NUMBER = {"n01440764": 3, "n01443537": 1, "n02099601": 2}


@pytest.fixture
def ilsvrc(tmp_path):
    """The official archives with three classes: 4 training images each, 5 validation images."""
    images = write_photos(tmp_path / "made", {"train": 4, "val": 2})
    folder = tmp_path / "official"
    folder.mkdir()
    train = {}
    for name, wnid in zip(CLASSES, WNIDS, strict=True):
        kept = files(images / "train" / name)
        inner = {f"{wnid}_{n[:2]}.JPEG": content for n, content in kept.items()}
        train[f"{wnid}.tar"] = pack(tmp_path / "inner.tar", inner).read_bytes()
    pack(folder / "ILSVRC2012_img_train.tar", train)
    truth = ["n02099601", "n01440764", "n01443537", "n01443537", "n01440764"]
    content = iter(files(images / "val").values())
    val = {f"ILSVRC2012_val_{i:08d}.JPEG": next(content) for i in range(1, 6)}
    pack(folder / "ILSVRC2012_img_val.tar", dict(reversed(val.items())))
    kind = [("ILSVRC2012_ID", "i4"), ("WNID", "O")]
    synsets = np.array([(NUMBER[wnid], wnid) for wnid in sorted(NUMBER)], kind)
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"synsets": synsets})
    numbers = "".join(f"{NUMBER[wnid]}\n" for wnid in truth).encode()
    devkit = {
        "ILSVRC2012_devkit_t12/readme.txt": b"...",
        "ILSVRC2012_devkit_t12/data/meta.mat": meta.getvalue(),
        "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": numbers,
    }
    return folder, train, val, truth, devkit


def check_official(folder, val, truth):
    train, test, _ = load("records", path=str(folder), image_size=8)
    assert train.classes == test.classes == WNIDS
    assert train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert train.images.name(5).endswith("n01443537/n01443537_01.JPEG")
    assert [WNIDS[label] for label in test.labels] == truth
    for index, content in enumerate(val.values()):
        assert test.images.read(index) == content


@pytest.mark.parametrize("form", ["tar.gz", "zip", "folder", "csv", "flag"])
def test_the_official_archives_of_imagenet(ilsvrc, tmp_path, form):
    folder, _, val, truth, devkit = ilsvrc
    with pytest.raises(UserError, match="have no labels; give them by --labels"):
        run(folder, tmp_path / "out")
    flags = ()
    if form in ("tar.gz", "flag"):
        packed = folder if form == "tar.gz" else tmp_path
        with gzip.open(packed / "ILSVRC2012_devkit_t12.tar.gz", "wb") as file:
            file.write(pack(tmp_path / "kit.tar", devkit).read_bytes())
        flags = () if form == "tar.gz" else (f"--labels={file.name}",)
    elif form == "zip":
        with zipfile.ZipFile(folder / "ILSVRC2012_devkit_t12.zip", "w") as file:
            for name, content in devkit.items():
                file.writestr(name, content)
    elif form == "folder":
        for name, content in devkit.items():
            os.makedirs(os.path.dirname(folder / name), exist_ok=True)
            (folder / name).write_bytes(content)
    else:
        lines = [f"{n[:-5]},{w} 1 2 3 4" for n, w in zip(val, truth, strict=True)]
        text = "\n".join(["ImageId,PredictionString", *reversed(lines)])
        (folder / "LOC_val_solution.csv").write_text(text)
    run(folder, tmp_path / "out", *flags)
    check_official(tmp_path / "out", val, truth)


def test_the_training_archive_alone(ilsvrc, tmp_path, capsys):
    folder, *_ = ilsvrc
    run(folder / "ILSVRC2012_img_train.tar", tmp_path / "out")
    assert "10 % of train" in capsys.readouterr().out
    train, test, _ = load("records", path=str(tmp_path / "out"), image_size=8)
    assert len(train.images) + len(test.images) == 12 and "10 % of train" in test.origin
    assert train.classes == WNIDS


@pytest.mark.parametrize("content", [b"nothing", b""])
def test_a_devkit_that_is_none(ilsvrc, tmp_path, content):
    folder, *_ = ilsvrc
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "meta.mat").write_bytes(content)
    with pytest.raises(UserError, match="has no ILSVRC2012_validation_ground_truth.txt"):
        run(folder, tmp_path / "out", f"--labels={tmp_path / 'kit'}")


def special(name, kind, target=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def test_what_a_tar_must_not_do_is_left_out_and_said(photos, tmp_path, capsys):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(next(iter(files(photos).values())))
    bad = {
        "../../evil.jpg": secret.read_bytes(),
        "/tmp/ssl_jax-evil.jpg": secret.read_bytes(),
        "train/cow/link.jpg": special("train/cow/link.jpg", tarfile.SYMTYPE, str(secret)),
        "train/cow/hard.jpg": special("train/cow/hard.jpg", tarfile.LNKTYPE, "train/cow/00.jpg"),
        "train/cow/device": special("train/cow/device", tarfile.CHRTYPE),
        "train/cow/pipe.jpg": special("train/cow/pipe.jpg", tarfile.FIFOTYPE),
    }
    tar = pack(tmp_path / "set.tar", files(photos) | bad)
    found = contents(tar, None)
    assert dict(found.left_out) == {
        "../../evil.jpg": "its name leads out of the archive",
        "/tmp/ssl_jax-evil.jpg": "its name leads out of the archive",
        "train/cow/link.jpg": "a link",
        "train/cow/hard.jpg": "a link",
        "train/cow/device": "neither a plain file nor a folder",
        "train/cow/pipe.jpg": "neither a plain file nor a folder",
    }
    run(tar, tmp_path / "out")
    assert "and 5 more" in capsys.readouterr().out
    run(photos, tmp_path / "of_files")
    assert shards(tmp_path / "out") == shards(tmp_path / "of_files")
    assert not os.path.exists("/tmp/ssl_jax-evil.jpg")


def test_of_two_files_of_one_name_the_later_counts(photos, tmp_path):
    kept = files(photos)
    tar = tmp_path / "set.tar"
    pack(tar, kept | {"train/cow/00.jpg": b"overwritten"})
    with tarfile.open(tar, "a") as file:
        file.add(photos / "train" / "cow" / "00.jpg", "train/cow/00.jpg")
    run(tar, tmp_path / "out")
    run(photos, tmp_path / "of_files")
    assert shards(tmp_path / "out") == shards(tmp_path / "of_files")


def test_a_damaged_member_is_named_and_counted(photos, tmp_path, capsys):
    kept = files(photos)
    kept["train/dog/00.jpg"] = kept["train/dog/00.jpg"][:-60]
    run(pack(tmp_path / "set.tar", kept), tmp_path / "out")
    assert "skipped 1 image: train/dog/00.jpg" in capsys.readouterr().out
    assert len(load("records", path=str(tmp_path / "out"), image_size=8).train.images) == 11


@pytest.mark.parametrize("damage", ["truncated", "header", "none", "gz"])
def test_a_damaged_tar_is_refused_by_name(photos, tmp_path, damage):
    tar = pack(tmp_path / "set.tar", files(photos))
    content = bytearray(tar.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "header":  # of a member in the middle; tarfile takes it for the end
        with tarfile.open(tar) as opened:
            content[opened.getmembers()[5].offset + 150] ^= 1
    elif damage == "none":
        content = bytearray(b"this is no tar at all")
    else:
        tar = tmp_path / "set.tar.gz"
        content = bytearray(gzip.compress(bytes(content)))[:-100]
    tar.write_bytes(content)
    with pytest.raises(UserError, match=tar.name) as caught:
        run(tar, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_resumed_command_decompresses_once(photos, tmp_path, monkeypatch, capsys):
    from ssl_jax.preparation import command

    tar = pack(tmp_path / "set.tar", files(photos))
    packed = tmp_path / "set.tar.gz"
    packed.write_bytes(gzip.compress(tar.read_bytes()))
    with monkeypatch.context() as patch:
        patch.setattr(command, "prepare", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(packed, tmp_path / "out")
    assert "decompressing" in capsys.readouterr().out
    run(packed, tmp_path / "out")
    assert "decompressing" not in capsys.readouterr().out
    assert not (tmp_path / "out" / "unpacked").exists()


@pytest.mark.parametrize("nested", [False, True])
def test_a_full_disk_leaves_no_part_of_a_decompressed_tar(photos, tmp_path, monkeypatch, nested):
    content = gzip.compress(pack(tmp_path / "set.tar", files(photos)).read_bytes())
    packed = tmp_path / "whole.tar.gz"
    packed.write_bytes(content)
    if nested:
        packed = pack(tmp_path / "outer.tar", {"train.tar.gz": content})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "synchronize", full)
        with pytest.raises(UserError, match=r"\.(tar|tar\.gz) cannot be written: No space left"):
            contents(packed, tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []
    assert len(contents(packed, tmp_path / "scratch").members) == len(files(photos))


@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open])
def test_a_cut_tar_is_said_to_be_unreadable_and_leaves_nothing(photos, tmp_path, opener):
    packed = tmp_path / "set.tar"
    with opener(packed, "wb") as file:
        file.write(pack(tmp_path / "plain.tar", files(photos)).read_bytes())
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match="set.tar cannot be read"):
        contents(packed, tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []
