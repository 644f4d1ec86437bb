"""Compiled programs are kept, and change no number."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssl_jax.command_line.compiled_programs import FOLDER, MOST_DAYS, cache_folder, keep_compiled

SWITCH = "JAX_ENABLE_COMPILATION_CACHE"


@pytest.fixture
def home(monkeypatch, tmp_path):
    """An empty cache folder of the user, and an environment that says nothing of caches."""
    for name in [name for name in os.environ if name.startswith("JAX_PERSISTENT_CACHE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in (FOLDER, SWITCH):
        # Set first, so that what the code sets is undone at the end.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path


def test_a_folder_of_the_user_is_the_default(home):
    assert keep_compiled(["main", "--config=simclr"]) == ["main", "--config=simclr"]
    assert os.environ[FOLDER] == str(cache_folder())
    assert Path(os.environ[FOLDER]).is_relative_to(home / "ssl_jax")
    assert SWITCH not in os.environ


def test_a_folder_that_is_named_wins(home, monkeypatch):
    monkeypatch.setenv(FOLDER, "/elsewhere")
    keep_compiled(["main"])
    assert os.environ[FOLDER] == "/elsewhere"
    assert not (home / "ssl_jax").exists()


def test_no_cache_keeps_nothing(home):
    assert keep_compiled(["main", "--no_cache", "--config=simclr"]) == ["main", "--config=simclr"]
    assert FOLDER not in os.environ and os.environ[SWITCH] == "false"
    assert not (home / "ssl_jax").exists()


def test_without_a_folder_nothing_is_kept(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file" / "below"))
    (home / "file").write_text("no folder")
    assert keep_compiled(["main"]) == ["main"]
    assert FOLDER not in os.environ


def test_another_processor_has_a_folder_of_its_own(home, monkeypatch):
    own = cache_folder()
    monkeypatch.setattr(Path, "read_text", lambda self: "flags : sse another")
    assert cache_folder() != own
    assert cache_folder().parent == own.parent


def test_old_programs_are_dropped(home):
    keep_compiled(["main"])
    folder = Path(os.environ.pop(FOLDER))
    for name, days in (("old", MOST_DAYS + 1), ("new", MOST_DAYS - 1)):
        (folder / name).write_bytes(b"")
        then = time.time() - days * 86400
        os.utime(folder / name, (then, then))
    keep_compiled(["main"])
    assert [path.name for path in folder.iterdir()] == ["new"]


@pytest.mark.slow
def test_cold_warm_and_uncached_runs_have_one_digest(home):
    def digest(name, *flags):
        workdir = home / name
        command = [sys.executable, "-m", "ssl_jax.main", "--config=simclr:tiny", *flags]
        command.append(f"--workdir={workdir}")
        subprocess.run(command, check=True, capture_output=True)
        return json.loads((workdir / "result.json").read_text())["digest"]

    cold = digest("cold")
    programs = set(cache_folder().iterdir())
    assert programs
    assert digest("warm") == cold
    assert set(cache_folder().iterdir()) == programs
    assert digest("uncached", "--no_cache") == cold
