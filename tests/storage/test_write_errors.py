"""A disk that is full or read-only is said in one line; nothing half written is left."""

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic, folders, integrity, orbax_files
from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, META, bits, make_state, save

ERRORS = [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EIO, errno.EDQUOT]


def failing(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture(autouse=True)
def no_thread_dies(monkeypatch: pytest.MonkeyPatch) -> Any:
    died: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    yield
    assert not died


@pytest.mark.parametrize("number", ERRORS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("where", ["start", "arrays", "digests", "rename", "old ones"])
def test_a_save_that_fails_leaves_the_others_and_nothing_of_itself(
    where: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    save(tmp_path, 1, 2)
    fail = failing(number)
    with monkeypatch.context() as patch, pytest.raises(UserError) as error:
        if where == "start":
            patch.setattr(orbax_files.ocp, "save_checkpointables_async", fail)
        if where == "arrays":
            start = orbax_files.start_save
            patch.setattr(orbax_files, "start_save", lambda *a: (start(*a)(), fail)[1])
        if where == "digests":
            patch.setattr(integrity, "synchronize", fail)
        if where == "rename":
            patch.setattr(os, "rename", fail)
        if where == "old ones":
            patch.setattr(folders.shutil, "rmtree", fail)
        with Checkpoints(tmp_path) as checkpoints:
            checkpoints.save(3, make_state(3), META)
    assert os.strerror(number) in str(error.value) and "\n" not in str(error.value)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == ({"1.deleting", "2", "3"} if where == "old ones" else {"1", "2"})
    assert "Traceback" not in capfd.readouterr().err
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, make_state(3), META)
    restored = Checkpoints(tmp_path).restore(ABSTRACT)
    assert restored is not None and bits(restored.state) == bits(make_state(3))
    assert {path.name for path in tmp_path.iterdir()} == {"2", "3"}


def test_an_error_in_the_run_is_not_hidden_by_a_save_that_failed_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(integrity, "write_file_digests", failing(errno.ENOSPC))
    with (
        pytest.raises(UserError, match="the loss"),
        Checkpoints(tmp_path, report=lines.append) as checkpoints,
    ):
        checkpoints.save(1, make_state(1), META)
        raise UserError("the loss is not finite")
    assert len(lines) == 1 and "No space left on device" in lines[0]


@pytest.mark.parametrize("number", ERRORS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("where", ["io.open", "os.fsync", "os.replace"])
def test_a_file_is_written_whole_or_not_at_all(
    where: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    atomic.write_json(path, {"old": 1})
    with monkeypatch.context() as patch:
        patch.setattr(where, failing(number))
        with pytest.raises(UserError) as error:
            atomic.write_json(path, {"new": 1})
    assert str(error.value) == f"{path} cannot be written: {os.strerror(number)}"
    assert os.listdir(tmp_path) == ["result.json"]
    assert atomic.read_json(path) == {"old": 1}


def test_what_is_interrupted_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(path) as part:
        part.write_text("ne")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["curves.png"] and path.read_text() == "old"


def test_two_writers_of_one_file_leave_one_of_both(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with atomic.replacing(path) as first, atomic.replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert os.listdir(tmp_path) == ["page.html"] and path.read_text() in ("first", "second")
