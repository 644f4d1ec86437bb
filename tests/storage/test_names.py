"""A checkpoint is known by the step inside it, whatever its folder is called."""

import shutil
from pathlib import Path

import pytest

from ssl_jax.errors import UserError
from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, META, bits, make_state, refuse, save
from tests.storage.test_damage import flip_a_bit


def test_a_renamed_folder_is_the_step_that_it_holds(tmp_path: Path) -> None:
    save(tmp_path, 32, 64)
    (tmp_path / "32").rename(tmp_path / "640")
    checkpoints = Checkpoints(tmp_path, report=refuse)
    assert checkpoints.steps() == [32, 64]
    restored = checkpoints.restore(ABSTRACT)
    assert restored is not None and restored.step == 64
    restored = checkpoints.restore(ABSTRACT, step=32)
    assert restored is not None and bits(restored.state) == bits(make_state(32))
    with pytest.raises(UserError, match=r"no checkpoint of step 640, only of \[32, 64\]"):
        checkpoints.restore(ABSTRACT, step=640)


def test_a_step_whose_name_is_taken_is_saved_all_the_same(tmp_path: Path) -> None:
    save(tmp_path, 64)
    (tmp_path / "64").rename(tmp_path / "640")
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(640, make_state(640), META)
    restored = Checkpoints(tmp_path, report=refuse).restore(ABSTRACT)
    assert restored is not None and restored.step == 640
    assert bits(restored.state) == bits(make_state(640))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["640", "640.aside"]


@pytest.mark.parametrize("name", ["²", "٣", "64 (copy)", "064", "x", "-3", "1e3", "9" * 40, "64.5"])
def test_odd_names_are_read_right_or_ignored_and_never_deleted(name: str, tmp_path: Path) -> None:
    save(tmp_path, 64)
    shutil.copytree(tmp_path / "64", tmp_path / name)
    (tmp_path / "notes.txt").write_text("mine")
    lines: list[str] = []
    with Checkpoints(tmp_path, keep=1, report=lines.append) as checkpoints:
        assert checkpoints.steps() == [64]
        restored = checkpoints.restore(ABSTRACT)
        assert restored is not None and bits(restored.state) == bits(make_state(64))
        checkpoints.save(65, make_state(65), META)
        checkpoints.save(66, make_state(66), META)
    assert not lines
    assert {path.name for path in tmp_path.iterdir()} == {"66", name, "notes.txt"}


@pytest.mark.parametrize("name", ["²", "old", "64 (copy)"])
def test_folders_that_hold_no_checkpoint_are_said_once_and_ignored(
    name: str, tmp_path: Path
) -> None:
    save(tmp_path, 1)
    (tmp_path / name / "meta").mkdir(parents=True)
    (tmp_path / name / "meta" / "data.json").write_text("[1]")
    lines: list[str] = []
    with Checkpoints(tmp_path, report=lines.append) as checkpoints:
        assert checkpoints.restore(ABSTRACT) is not None
        checkpoints.save(2, make_state(2), META)
    assert lines == [f"{tmp_path / name} is no checkpoint and is ignored"]


def test_a_copy_serves_where_the_original_is_damaged(tmp_path: Path) -> None:
    save(tmp_path, 1, 64)
    shutil.copytree(tmp_path / "64", tmp_path / "64 (copy)")
    flip_a_bit(tmp_path / "64")
    lines: list[str] = []
    restored = Checkpoints(tmp_path, report=lines.append).restore(ABSTRACT)
    assert restored is not None and restored.step == 64
    assert bits(restored.state) == bits(make_state(64))
    assert len(lines) == 1 and f"{tmp_path}/64 is damaged" in lines[0]


def test_what_a_killed_process_was_deleting_is_no_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    (tmp_path / "2").rename(tmp_path / "2.deleting")
    with Checkpoints(tmp_path, report=refuse) as checkpoints:
        assert checkpoints.steps() == [1]
        checkpoints.save(3, make_state(3), META)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]
