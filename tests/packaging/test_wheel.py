"""The wheel alone, in a fresh environment and an empty folder, does what the README says."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssl_jax.command_line import config_files
from ssl_jax.command_line.commands import COMMANDS, overview

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The file, built from the checkout by the tools that are installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--quiet", f"--wheel-dir={folder}", str(ROOT)], check=True)
    (built,) = folder.glob("ssl_jax-*.whl")
    return built


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Runs ssl-jax in an empty folder; the environment has the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True
    )
    # What it depends on comes from here; the checkout does not, as no .pth of this folder is read.
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    outer = sysconfig.get_path("purelib")
    (Path(packages.stdout.strip()) / "dependencies.pth").write_text(f"{outer}\n")
    empty = tmp_path_factory.mktemp("empty")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["JAX_NUM_CPU_DEVICES"] = "1"

    def run(*arguments, code=0):
        done = subprocess.run(
            [folder / "bin" / "ssl-jax", *arguments],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = empty
    return run


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_configs_and_its_types(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in config_files.names():
        assert f"ssl_jax/configs/{name}.py" in names
    assert {"ssl_jax/py.typed", "ssl_jax/page/page.css", "ssl_jax/page/page.js"} <= set(names)
    top = {name.split("/")[0] for name in names}
    assert all(name == "ssl_jax" or name.endswith(".dist-info") for name in top), top


@pytest.mark.slow
def test_every_step_from_training_to_the_report(run):
    assert overview("ssl-jax") in run()
    assert run("--version").strip() == run("main", "--version").strip()
    (run.folder / "configs").mkdir()
    (run.folder / "configs" / "common.py").write_text("raise SystemExit('a package of the user')")
    settings = ["--config.epochs=2", "--config.network.width=4", "--workdir=run"]
    assert "raw pixels" in run("train", "--config=ba_moco", *settings)
    assert json.loads((run.folder / "run" / "result.json").read_text())["steps"] == 18
    assert "0 fatal errors" in run("doctor", "--config=ba_moco:tiny")
    assert "knn on digits" in run("evaluate", "--workdir=run", "--protocol=knn")
    (run.folder / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 20), np.uint8)
    for number, photo in enumerate(pixels):
        Image.fromarray(photo).save(run.folder / "photos" / f"{number}.png")
    run("embed", "--workdir=run", "--images=photos", "--output=features.npz")
    assert np.load(run.folder / "features.npz")["features"].shape == (3, 16)
    run("export", "--workdir=run", "--format=torchvision", "--output=encoder.safetensors")
    run("report", "--workdir=run", "--output=report.html")
    assert (run.folder / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_what_is_wrong_is_one_line(run):
    assert "there are" in run("train", "--config=nosuch", code=1)
    assert "there is no command" in run("nosuch", code=1)
    for command in set(COMMANDS) - {"benchmark"}:  # which needs no flags
        assert "Traceback" not in run(command, code=1), command


@pytest.mark.slow
def test_a_config_and_a_method_of_ones_own(run):
    package = run.folder / "my_package"
    package.mkdir()
    (package / "my_method.py").write_text(
        "from ssl_jax.methods.simclr import make as simclr\n\n\n"
        "def make(backbone, steps, *, width: int = 8):\n"
        "    return simclr(backbone, steps, hidden=width, out=width)\n"
    )
    (package / "my_network.py").write_text(
        "import flax.linen as nn\n\n\n"
        "class Network(nn.Module):\n"
        "    width: int = 8\n\n"
        "    @nn.compact\n"
        "    def __call__(self, images):\n"
        "        x = nn.relu(nn.Conv(self.width, (3, 3))(images))\n"
        "        return x.mean(axis=(1, 2))\n"
    )
    (run.folder / "mine.py").write_text(
        "from ssl_jax.configs import simclr\n\n\n"
        "def get_config(variant=''):\n"
        "    config = simclr.get_config('tiny')\n"
        "    config.method = {'name': 'my_package.my_method', 'width': 12}\n"
        "    config.network.name = 'my_package.my_network.Network'\n"
        "    config.network.stages = ()\n"
        "    return config\n"
    )
    assert "raw pixels" in run("train", "--config=mine.py", "--workdir=mine")
    assert "knn on digits" in run("evaluate", "--workdir=mine", "--protocol=knn")
