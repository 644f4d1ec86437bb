"""Command lines with a configuration: names, paths, variants, overrides, and what is wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ssl_jax import main
from ssl_jax.command_line import config_files, config_flags, run_command
from ssl_jax.errors import UsageError, UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def from_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--config.lerning_rate=3", "no config.lerning_rate; did you mean config.learning_rate"),
        ("--config.fusion.dept=3", "did you mean config.fusion.depth"),
        ("--config.epochs=1.5", "config.epochs=1.5"),
        ("--config.epochs=abc", "--config.epochs=abc must be a whole number$"),
        ("--config.learning_rate=fast", "--config.learning_rate=fast must be a number$"),
        ("--config.fusion.enabled=maybe", "maybe must be True or False$"),
        ("--config.epochs=\x1b[2J", r"epochs=\\x1b\[2J must be a whole number$"),
        ("--config.lr=3", "did you mean config.learning_rate"),
        ("--config.wd=3", "did you mean config.optimizer.weight_decay"),
        ("--config.temperature=3", "did you mean config.method.temperature"),
        ("--config.method=byol", "did you mean config.method.name"),
        ("--epochs=5", "no flag --epochs; did you mean --config.epochs"),
        ("--batch-size=5", "no flag --batch-size; did you mean --config.batch_size"),
        ("--lr=5", "did you mean --config.learning_rate"),
        ("--config=nope", "there are align_uniform, .*ba_moco"),
        ("--config=simclrr", "did you mean simclr"),
        ("config.lr=3", "stray argument 'config.lr=3'; write --config.lr=3"),
        ("--wrkdir=x", "no flag --wrkdir; did you mean --workdir"),
        ("--config=configs/ba_mocco.py", "no such file"),
        ("--config=configs/ba_moco.py:cifar11", "no variant 'cifar11'.*cifar10"),
    ],
)
def test_wrong_arguments_are_said_in_one_line(argument, message):
    with pytest.raises(UsageError if ":" not in argument else UserError, match=message) as caught:
        config_flags.parse(["ssl_jax", "--config=configs/ba_moco.py", argument])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("x = 1", "get_config"),
    ],
)
def test_a_broken_configuration_file_is_said_in_one_line(tmp_path, text, message):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        config_flags.parse(["x", f"--config={tmp_path}/broken.py"])
    assert "\n" not in str(caught.value)


def test_overrides_and_default_folder():
    command = config_flags.parse(
        [
            "x",
            "--config=configs/ba_moco.py:cifar10",
            "--config.seed=3",
            "--config.fusion.views=(0,1)",
        ]
    )
    assert command.workdir == Path("runs/ba_moco-cifar10-seed3")
    assert command.config.fusion.views == (0, 1)
    assert config_flags.parse(["x", "--config=configs/ba_moco.py"]).workdir == Path(
        "runs/ba_moco-seed0"
    )


def test_overrides_apply_to_the_configuration_that_is_taken_where_none_is_named():
    command = config_flags.parse(["x", "--config.epochs=3"], default="configs/simclr.py")
    assert command.config.epochs == 3 and command.config.method.name == "simclr"


def test_the_command_exits_with_one_line_and_no_traceback(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["x", "--config=configs/ba_moco.py", "config.lr=3"])
    with pytest.raises(SystemExit) as exit:
        run_command.run(main.main)
    assert exit.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: stray argument") and said.err.count("\n") == 1


def test_names_and_paths_are_the_same_configuration(tmp_path, monkeypatch):
    by_path = config_flags.parse(["x", "--config=configs/byol.py:cifar10"])
    monkeypatch.chdir(tmp_path)
    by_name = config_flags.parse(["x", "--config=byol:cifar10"])
    assert by_name == by_path
    assert by_name.workdir == Path("runs/byol-cifar10-seed0")


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(UserError) as caught:
        config_flags.parse(["x", "--config=byoll"])
    assert all(name in str(caught.value) for name in config_files.names())


def test_a_file_of_ones_own_changes_no_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "common.py").write_text("raise SystemExit('the user's own')")
    (tmp_path / "mine.py").write_text(
        "from ssl_jax.configs import simclr\n\n\n"
        "def get_config(variant):\n"
        "    config = simclr.get_config('tiny')\n"
        "    config.epochs = 7\n"
        "    return config\n"
    )
    before = list(sys.path)
    command = config_flags.parse(["x", "--config=mine.py", "--config.seed=4", "--workdir=~/run"])
    assert (command.config.epochs, command.config.seed) == (7, 4)
    assert command.workdir == Path("~/run").expanduser()
    assert sys.path == before


@pytest.mark.parametrize("argument", ["configs/simclr.py", "simclr"])
def test_a_copied_folder_of_configurations_changes_none_of_the_package(tmp_path, argument):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    common = tmp_path / "configs" / "common.py"
    common.write_text(common.read_text().replace("config.epochs = 40", "config.epochs = 7"))
    code = (
        "import sys\n"
        "from ssl_jax.command_line import config_flags\n"
        "before = list(sys.path)\n"
        f"config = config_flags.parse(['x', '--config={argument}']).config\n"
        "assert sys.path == before\n"
        "print(config.epochs)\n"
    )
    # The working folder is on sys.path, as for `python -m ssl_jax.main`.
    path = os.pathsep.join(["", str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "40\n", done.stderr


def test_nothing_that_a_file_does_to_the_path_stays(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import sys\nsys.path.insert(0, 'elsewhere')\nfrom ssl_jax.configs.byol import get_config\n"
    )
    before = list(sys.path)
    config_flags.parse(["x", f"--config={tmp_path}/mine.py:tiny"])
    assert sys.path == before


def test_a_mistake_in_a_file_is_said_with_its_line(tmp_path):
    (tmp_path / "mine.py").write_text("def get_config(variant):\n    return 1 / 0\n")
    with pytest.raises(UserError, match=r"ZeroDivisionError.*mine.py, line 2"):
        config_flags.parse(["x", f"--config={tmp_path}/mine.py"])


@pytest.fixture
def own_package(tmp_path, monkeypatch):
    """A user's package with a network that has a width, and a method that has a temperature."""
    folder = tmp_path / "my_flags"
    folder.mkdir()
    (folder / "net.py").write_text(
        "import flax.linen as nn\n"
        "class Net(nn.Module):\n"
        "    width: int = 8\n"
        "    def __call__(self, x):\n"
        "        return x\n"
    )
    (folder / "method.py").write_text("def make(backbone, steps, *, temperature=1.0): ...\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_network_of_ones_own_keeps_the_options_that_it_has(own_package):
    flags = ["--config=simclr", "--config.network.name=my_flags.net.Net"]
    before = config_flags.parse(["x", flags[0]]).config.network
    network = config_flags.parse(["x", *flags]).config.network
    assert before.stages and before.width
    assert (network.width, network.stages) == (before.width, ())


def test_a_method_of_ones_own_keeps_the_options_that_it_has(own_package):
    flags = ["--config=simclr", "--config.method.name=my_flags.method"]
    before = config_flags.parse(["x", flags[0]]).config.method
    method = config_flags.parse(["x", *flags]).config.method
    assert method.to_dict() == {"name": "my_flags.method", "temperature": before.temperature}


def test_an_option_in_a_flag_is_kept_and_left_to_be_refused(own_package):
    name = "--config.network.name=my_flags.net.Net"
    network = config_flags.parse(["x", "--config=simclr", name, "--config.network.depth=2"]).config
    assert network.network.depth == 2
    name = "--config.method.name=my_flags.method"
    method = config_flags.parse(["x", "--config=simclr", name, "--config.method.layers=3"]).config
    assert method.method.layers == 3


def test_options_of_a_network_of_this_package_are_not_dropped():
    flags = ["--config=simclr", "--config.network.name=vit_tiny"]
    assert config_flags.parse(["x", *flags]).config.network.stages
