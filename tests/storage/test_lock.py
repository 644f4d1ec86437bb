"""One writer at a time; a lock dies with its process, and is understood on other hosts."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ssl_jax.errors import UserError
from ssl_jax.storage import lock
from ssl_jax.storage.lock import locked

HOLDER = """
import sys
from pathlib import Path
from ssl_jax.storage.lock import locked
with locked(Path(sys.argv[1]), "it", "wait"):
    print("held", flush=True)
    sys.stdin.read()
"""


def take(path: Path) -> Any:
    return locked(path, "--workdir=w", "stop it first")


def test_the_second_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        with pytest.raises(UserError) as error, take(path):
            raise AssertionError("two hold it")
        host = re.escape(os.uname().nodename)
        line = rf"--workdir=w is in use by process {child.pid} on {host} since 2\S+; stop it first"
        assert re.fullmatch(line, str(error.value))
        child.kill()
    assert path.exists()  # a process that is killed removes nothing
    with take(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


def test_two_of_one_process_exclude_each_other_and_an_error_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with pytest.raises(KeyError), take(path):
        with pytest.raises(UserError, match="in use"), take(path):
            pass
        raise KeyError
    with take(path):
        pass
    assert os.listdir(tmp_path) == []


def written_by_another_host(path: Path, age: float) -> None:
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "2026-01-01T00:00:00"}))
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))


def test_an_owner_on_another_host_that_is_dead_is_followed_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    written_by_another_host(path, age=lock.DEAD_AFTER + 1)
    with take(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_an_owner_on_another_host_that_lives_keeps_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path = tmp_path / ".lock"
    written_by_another_host(path, age=3)
    monkeypatch.setattr(lock.time, "sleep", lambda _: os.utime(path))  # it touches its file
    with pytest.raises(UserError, match="process 1 on elsewhere since 2026-01-01"), take(path):
        pass
    assert "waiting up to 60 s" in capsys.readouterr().out
    assert json.loads(path.read_text())["host"] == "elsewhere"


def test_an_owner_on_another_host_that_is_silent_is_followed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".lock"
    written_by_another_host(path, age=3)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        monkeypatch.setattr(lock, "DEAD_AFTER", 60.0 - 20.0 * len(waited))

    monkeypatch.setattr(lock.time, "sleep", sleep)
    with take(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert len(waited) == 3


def test_the_owner_touches_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".lock"
    touched = lock.threading.Event()
    utime = os.utime
    monkeypatch.setattr(lock, "TOUCHED_EVERY", 0.01)
    monkeypatch.setattr(lock.os, "utime", lambda file: (utime(file), touched.set()))
    with take(path):
        assert touched.wait(30)


@pytest.mark.parametrize("alive", [True, False])
def test_without_flock_the_process_in_the_file_decides(
    alive: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", unknown)
    path = tmp_path / ".lock"
    pid = os.getppid() if alive else 2**30
    path.write_text(json.dumps({"pid": pid, "host": os.uname().nodename, "since": "now"}))
    if alive:
        with pytest.raises(UserError, match=f"in use by process {pid}"), take(path):
            pass
    else:
        with take(path):
            pass


@pytest.mark.parametrize("content", [b"", b"null", b"[1]", b"\xff", b'{"pid": null}'])
def test_whatever_is_in_the_file_it_can_be_locked(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.write_bytes(content)
    os.utime(path, (0, 0))
    with take(path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_lock_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    line = "--workdir=w cannot be written: No such file"
    with pytest.raises(UserError, match=line), take(tmp_path / "missing" / ".lock"):
        pass
