"""A run on a set of each kind says first what was taken as what."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs import ba_moco
from ssl_jax import main, prepare
from ssl_jax.data.summary import summary
from ssl_jax.setup.data import load_splits
from tests.data.on_disk import write, write_classes

CATS, DOGS = range(0, 100, 5), range(101, 200, 5)  # 20 images each


def splits(root: Path) -> Path:
    write_classes(root / "Train", cats=CATS, dogs=DOGS)
    write_classes(root / "valid", cats=[1, 2], dogs=[3])
    return root


def one_too_high(root: Path) -> Path:
    splits(root / "data" / "pets")
    return root


def class_folders(root: Path) -> Path:
    write_classes(root, cats=CATS, dogs=DOGS)
    return root


def flat_val(root: Path) -> Path:
    write_classes(root / "train", cats=CATS, dogs=DOGS)
    for number in (1, 2, 3):
        write(root / "val" / f"ILSVRC2012_val_{number:08}.JPEG", number)
    (root / "val" / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n1\n2\n")
    return root


def table(root: Path) -> Path:
    rows = [(f"all/{value:03}.png", value) for value in (*CATS, *DOGS)]
    for name, value in rows:
        write(root / name, value)
    lines = [f"{name},{'cats' if value < 100 else 'dogs'}\n" for name, value in rows]
    (root / "train.csv").write_text("path,label\n" + "".join(lines))
    (root / "test.csv").write_text("path,label\n" + "".join(lines[18:21]))
    return root / "train.csv"


def unlabelled(root: Path) -> Path:
    for value in (*CATS, *DOGS):
        write(root / f"{value}.png", value)
    return root


def arrays(root: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (43, 8, 8, 3), np.uint8)
    labels = np.array(["cats", "dogs"])[np.arange(43) % 2]
    split = {"train": slice(40), "test": slice(40, 43)}
    for name, rows in split.items():
        np.savez(root / f"{name}.npz", images=images[rows], labels=labels[rows])
    return root


def records(root: Path) -> Path:
    prepare.main(["prepare", f"--images={splits(root / 'files')}", f"--output={root / 'out'}"])
    return root / "out"


def tar_shards(root: Path) -> Path:
    splits(root / "files")
    for part, shard in (("Train", "train-000000.tar"), ("valid", "val-000000.tar")):
        with tarfile.open(root / shard, "w") as tar:
            for path in sorted((root / "files" / part).glob("*/*.png")):
                fields = {"png": path.read_bytes(), "cls": path.parent.name.encode()}
                for field, content in fields.items():
                    entry = tarfile.TarInfo(f"{path.parent.name}{path.stem}.{field}")
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
    return root


def hub_files(root: Path) -> Path:
    splits(root / "files")
    (root / "data").mkdir()
    for part, name in (("Train", "train"), ("valid", "validation")):
        paths = sorted((root / "files" / part).glob("*/*.png"))
        images = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
        labels = [path.parent.name for path in paths]
        table = pa.table({"image": images, "label": labels})
        pq.write_table(table, root / "data" / f"{name}-00000-of-00001.parquet")
    return root / "data"


PETS = ", 2 classes (cats, dogs)"
KINDS: list[tuple[Callable[[Path], Path], str, str]] = [
    (splits, "folder", "train: {0}/Train (40 images)" + PETS + "; test: {0}/valid (3 images)"),
    (
        one_too_high,
        "folder",
        "train: {0}/data/pets/Train (40 images)" + PETS + "; test: {0}/data/pets/valid (3 images)",
    ),
    (
        class_folders,
        "folder",
        "train: {0} (36 images)" + PETS + "; test: 10 % of train, seed 0 (4 images)",
    ),
    (flat_val, "folder", "train: {0}/train (40 images)" + PETS + "; test: {0}/val (3 images)"),
    (table, "list", "train: {0}/train.csv (40 images)" + PETS + "; test: {0}/test.csv (3 images)"),
    (unlabelled, "folder", "train: {0} (40 images), without labels"),
    (
        records,
        "records",
        "train: {0}/files/Train (40 images)" + PETS + "; test: {0}/files/valid (3 images)",
    ),
    (
        tar_shards,
        "webdataset",
        "train: {0}/train-000000.tar (40 images)" + PETS + "; test: {0}/val-000000.tar (3 images)",
    ),
    (
        hub_files,
        "parquet",
        "train: {0}/data: train (40 images)" + PETS + "; test: {0}/data: val (3 images)",
    ),
    (arrays, "npz", "train: {0}/train.npz (40 images)" + PETS + "; test: {0}/test.npz (3 images)"),
]
NAMES = [make.__name__ for make, *_ in KINDS]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize(("make", "name", "line"), KINDS, ids=NAMES)
def test_the_first_line(tmp_path, make, name, line):
    config = ba_moco.get_config("tiny")
    config.data.update({"name": name, "path": str(make(tmp_path)), "holdout": 0.0, "limit": 0})
    assert next(summary(load_splits(config))) == line.format(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "name", "line"), KINDS, ids=NAMES)
def test_a_run_by_command_prints_it_and_its_result_names_it(tmp_path, capsys, make, name, line):
    place, run = tmp_path / "set", tmp_path / "run"
    place.mkdir()
    data = {"name": name, "path": make(place), "holdout": 0.0, "limit": 0, "channels": 0}
    flags = [f"--config.data.{key}={value}" for key, value in data.items()]
    more = ["--config.epochs=1", "--config.batch_size=8", "--config.probe_every_epochs=0"]
    main.main(["main", "--config=ba_moco:tiny", f"--workdir={run}", *flags, *more])
    assert line.format(place) in capsys.readouterr().out.splitlines()[:8]
    result = json.loads((run / "result.json").read_text())
    for part, origin in result["data"].items():
        assert f"{part}: {origin} (" in line.format(place)
