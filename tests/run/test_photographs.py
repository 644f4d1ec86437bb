"""A run on image files of many sizes, some of them damaged: streamed, cropped on the host."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from ssl_jax import main

RNG = np.random.default_rng(0)
TINY = [
    "--config=configs/byol.py",
    "--config.data.name=folder",
    "--config.data.channels=3",
    "--config.data.holdout=0.2",
    "--config.batch_size=8",
    "--config.epochs=2",
    "--config.network.width=4",
    "--config.network.stages=(1,1)",
    "--config.method.hidden=8",
    "--config.method.out=8",
    "--config.augment.view0.size=8",
    "--config.augment.view1.size=12",
    "--config.evaluation.crop=0.875",
    "--config.evaluation.batch_size=8",
    "--config.log_every_steps=2",
    "--config.probe_every_epochs=1",
    "--config.optimizer.warmup_epochs=0",
]


def write(folder, part, count):
    for name in ("cats", "dogs"):
        (folder / part / name).mkdir(parents=True)
        for index in range(count):
            height, width = RNG.integers(30, 70, 2)
            pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / part / name / f"{index}.jpg")


def truncate(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    write(folder, "train", 20)
    write(folder, "test", 4)
    for damaged in ("train/cats/3.jpg", "train/dogs/11.jpg", "train/dogs/4.jpg", "test/cats/1.jpg"):
        truncate(folder / damaged)
    return folder


def train(photographs, workdir, *more):
    data = f"--config.data.path={photographs}"
    main.main(["ssl_jax", *TINY, data, f"--workdir={workdir}", *more])
    return json.loads((workdir / "result.json").read_text())


def test_damaged_files_are_replaced_named_and_left_out_of_evaluation(photographs, tmp_path, capsys):
    result = train(photographs, tmp_path)
    output = capsys.readouterr().out
    met = r"(\w+/\d+\.jpg) cannot be read, others take its place: image file is truncated"
    named = set(re.findall(met, output))
    assert named and named <= {"cats/3.jpg", "dogs/11.jpg", "dogs/4.jpg"}
    assert {"/".join(name.split("/")[-2:]) for name in result["skipped_files"]} == named
    # Headers alone are read before: 32 of the 40 files are trained on, damaged ones among them.
    assert result["steps"] == 8
    assert np.isfinite(result["evaluation"]["trained"]["knn_top1"])
    line = r"reading gives [\d,]+ images/s, the train step takes [\d,]+: (the step|reading) bounds"
    assert len(re.findall(line, output)) == 1


def test_squares_on_the_devices_are_a_note(photographs, tmp_path, capsys):
    train(photographs, tmp_path, "--config.data.pipeline=device", "--config.epochs=1")
    output = capsys.readouterr().out
    assert "crops from central squares at 12 pixels, not from whole images" in output
    assert "reading gives" not in output
