"""What commands print for --help and --version, and that they need no jax for it."""

import subprocess
import sys

import pytest

from ssl_jax import __version__, methods
from ssl_jax.command_line import config_files
from ssl_jax.command_line.commands import COMMANDS, overview
from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.names.lookup import choices

WITH_CONFIG = ("main", "doctor", "benchmark")
SCRIPT = """
import runpy, sys
sys.argv = ["ssl_jax"] + sys.argv[1:]
try:
    runpy.run_module("ssl_jax", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
heavy = {"jax", "flax", "optax", "orbax", "grain", "sklearn", "scipy", "matplotlib"}
print("imported:", sorted(heavy & set(sys.modules)))
"""


def printed(*arguments):
    """What ssl-jax prints; fails if it imports what takes long."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("imported: []\n"), done.stdout[-300:]
    return done.stdout


def test_without_a_command_all_are_listed():
    assert overview("python -m ssl_jax") in printed()
    for command in COMMANDS:
        assert command in overview("ssl-jax")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_describes_the_flags_of_a_command(command):
    text = printed(command, "--help")
    flags = [line.split()[0] for line in text.splitlines() if line.startswith("  --")]
    # argparse puts the help of a long flag on the next line.
    assert flags and "--version" in text
    if command in WITH_CONFIG:
        for name in config_files.names():
            (line,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
            assert line.split(maxsplit=1)[1] == ", ".join(config_files.variants(name))
        assert ", ".join(choices(methods)) in text
    if command == "evaluate":
        assert all(f"  {name} " in text for name in PROTOCOLS)


@pytest.mark.parametrize("command", ["main", "evaluate"])
def test_version(command):
    assert printed(command, "--version").startswith(f"{__version__}\n")
    assert printed("--version").startswith(f"{__version__}\n")
