"""What cannot be read for a passing reason is not damaged: one line, and nothing is touched."""

import errno
import os
from pathlib import Path
from typing import Any

import jax
import pytest

from ssl_jax.errors import UserError
from ssl_jax.storage import orbax_files
from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, META, bits, make_state, refuse, save

ERRORS = [errno.ESTALE, errno.EIO, errno.EMFILE, errno.EACCES, errno.ENODEV, errno.ENOENT]
FILES = ["files.json", "meta/data.json", "state"]


def content(directory: Path) -> dict[str, bytes]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def fail_to_open(monkeypatch: pytest.MonkeyPatch, wanted: str, number: int) -> None:
    """Every Python function that opens a file of this name gets the error."""
    real = open

    def opened(file: Any, *rest: Any, **more: Any) -> Any:
        if wanted in str(file):
            raise OSError(number, os.strerror(number), str(file))
        return real(file, *rest, **more)

    monkeypatch.setattr("io.open", opened)
    monkeypatch.setattr("builtins.open", opened)


@pytest.mark.parametrize("number", ERRORS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("file", FILES)
def test_an_error_of_the_disk_ends_in_one_line_and_touches_nothing(
    file: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1, 2)
    before = content(tmp_path)
    with monkeypatch.context() as patch, Checkpoints(tmp_path, report=refuse) as checkpoints:
        fail_to_open(patch, f"/2/{file}", number)
        for read in (
            lambda: checkpoints.restore(ABSTRACT),
            checkpoints.latest,
            lambda: checkpoints.arrays(lambda name: "kernel" in name),
            lambda: checkpoints.save(3, make_state(3), META),
        ):
            with pytest.raises(UserError, match="cannot be read.*" + os.strerror(number)) as error:
                read()
            assert "\n" not in str(error.value)
    assert content(tmp_path) == before
    restored = Checkpoints(tmp_path, report=refuse).restore(ABSTRACT)
    assert restored is not None and bits(restored.state) == bits(make_state(2))


@pytest.mark.parametrize(
    "error",
    [
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory allocating 9 bytes"),
        MemoryError(),
        ValueError('NOT_FOUND: Error opening "zarr" driver: Too many open files\n[source]'),
        OSError(errno.ESTALE, "Stale file handle"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_orbax_is_not_damage_where_the_files_are_whole(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1, 2)
    before = content(tmp_path)

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch, Checkpoints(tmp_path, report=refuse) as checkpoints:
        patch.setattr(orbax_files.ocp, "load_checkpointables", fail)
        for _ in range(2):
            with pytest.raises(UserError, match="2 cannot be read, and was left as it is") as seen:
                checkpoints.restore(ABSTRACT)
            assert "\n" not in str(seen.value)
    assert content(tmp_path) == before


def test_a_folder_on_a_disk_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").symlink_to(tmp_path / "unmounted")
    with pytest.raises(UserError, match="checkpoints cannot be read: No such file"):
        Checkpoints(tmp_path / "checkpoints").restore(ABSTRACT)


def test_a_checkpoint_that_goes_away_while_it_is_read_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1, 2, keep=3)
    read = orbax_files.read_arrays

    def read_late(path: Path, wanted: Any) -> Any:
        if path.name == "1":
            return read(path, wanted)
        os.rename(path, path.with_name("gone.deleting"))
        return read(path, wanted)

    monkeypatch.setattr(orbax_files, "read_arrays", read_late)
    found = Checkpoints(tmp_path, report=refuse).arrays(lambda name: "kernel" in name)
    assert found.step == 1
