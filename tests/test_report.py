"""The command on runs without any steps: what it collects, and how it reports problems."""

import json
import re

import jax
import numpy as np
import pytest
from ssl_jax.configs import common

from ssl_jax import report as command
from ssl_jax.errors import UserError
from ssl_jax.setup import settings
from ssl_jax.setup.build import build
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from tests.page.reading import read


@pytest.fixture(autouse=True)
def one_device(monkeypatch):
    devices = jax.devices()[:1]  # compiles faster
    monkeypatch.setattr("jax.devices", lambda: devices)


def tiny():
    config = common.digits(common.base())
    config.batch_size = 16
    config.data.limit = 64
    config.network.width, config.network.stages = 4, (1,)
    for view in ("view0", "view1"):
        config.augment[view].size = 8
    config.method = {"name": "simclr", "hidden": 8, "out": 8}
    config.fusion.enabled = True
    return config


def begin(workdir, config, *, save=True):
    """Creates a run's folder in the state before the first step."""
    workdir.mkdir(parents=True)
    atomic.write_json(workdir / "config.json", settings.as_json(config))
    line = {"step": 40, "epoch": 10.0, "loss": 9.9, "embedding_std_ratio": 0.01}
    (workdir / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    if save:
        setup = build(config)
        with Checkpoints(workdir / "checkpoints") as checkpoints:
            meta = {"fingerprint": setup.data.fingerprint, "clock": {}}
            checkpoints.save(0, setup.trainer.init(), meta)


def report(tmp_path, *workdirs):
    output = tmp_path / "report.html"
    command.main(["x", *(f"--workdir={w}" for w in workdirs), f"--output={output}"])
    return read(output.read_text())


def test_everything_that_can_be_shown_of_a_run(tmp_path, capsys):
    begin(tmp_path / "run", tiny())
    root = report(tmp_path, tmp_path / "run")
    assert not root.one("section", id="runs").text().count("not shown")
    views = root.one("section", id="views")
    heads = [head.text() for head in views.all("th")]
    assert heads == ["training image", "view 0", "view 1", "view 1, fused"]
    images = [image.attributes["src"] for image in views.all("img")]
    assert len(images) == 24 and len(set(images)) == 24
    assert len(list(root.one("section", id="neighbours").all("img"))) == 8 * 7
    assert len(list(root.one("section", id="map").all("circle", role="button"))) == 360
    assert "of 360 test images" in root.one("section", id="confusion").text()
    assert list(root.one("section", id="spectrum").all("g", class_="line"))
    assert "collapse: embeddings" in root.one("section", id="runs").text()
    assert "written: " in capsys.readouterr().out
    assert not list(tmp_path.glob("*.part"))


def test_unlabelled_images_and_a_run_without_a_checkpoint(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "train.npz", image=images)
    config = tiny()
    config.data.update({"name": "npz", "path": str(tmp_path), "limit": 0, "holdout": 0.0})
    config.fusion.enabled = False
    begin(tmp_path / "a" / "run", config)
    begin(tmp_path / "b" / "run", config, save=False)
    root = report(tmp_path, tmp_path / "a" / "run", tmp_path / "b" / "run")
    assert re.search("b/run.* features.* no checkpoint", capsys.readouterr().out)
    assert [h.text() for h in root.one("section", id="views").all("h3")] == ["a/run", "b/run"]
    assert [h.text() for h in root.one("section", id="map").all("h3")] == ["a/run"]
    assert "no labels" in root.one("section", id="confusion").text()
    assert "4 training images against 36" in root.one("section", id="neighbours").text()


def test_without_its_images_a_run_still_has_curves_and_settings(tmp_path, capsys):
    config = tiny()
    config.data.update({"name": "npz", "path": "nowhere"})
    begin(tmp_path / "run", config, save=False)
    root = report(tmp_path, tmp_path / "run")
    assert "cannot be built here: config.data.path" in capsys.readouterr().out
    assert list(root.one("section", id="curves").all("g", class_="line"))
    assert "nowhere" in root.one("section", id="configuration").text()
    assert "cannot be built here" in root.one("section", id="runs").text()


def test_a_configuration_of_another_version_still_has_curves(tmp_path, capsys):
    config = tiny()
    del config.optimizer.clip_norm
    begin(tmp_path / "run", config, save=False)
    root = report(tmp_path, tmp_path / "run")
    assert "config.optimizer.clip_norm" in capsys.readouterr().out
    assert list(root.one("section", id="curves").all("g", class_="line"))


@pytest.mark.parametrize(
    ("workdir", "output", "message"),
    [
        ("empty", "report.html", "no config.json"),
        ("missing", "report.html", "no config.json"),
        ("run", "missing/report.html", "no folder"),
        ("run", "empty", "not a file"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path, workdir, output, message):
    (tmp_path / "empty").mkdir()
    begin(tmp_path / "run", tiny(), save=False)
    with pytest.raises(UserError, match=message) as caught:
        command.main(["x", f"--workdir={tmp_path / workdir}", f"--output={tmp_path / output}"])
    assert "\n" not in str(caught.value)


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    config = tiny()
    config.data.update({"name": "npz", "path": "nowhere"})
    begin(tmp_path / "run", config, save=False)
    (tmp_path / "report.html").write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UserError, match="No space left"):
        report(tmp_path, tmp_path / "run")
    assert (tmp_path / "report.html").read_text() == "old"
    assert not list(tmp_path.glob("*.part"))
