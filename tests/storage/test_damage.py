"""A damaged checkpoint is found, reported and skipped."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from ssl_jax.errors import UserError
from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, META, bits, make_state, refuse, save


def data_file(folder: Path) -> Path:
    return max((folder / "state").rglob("d/*"), key=lambda path: path.stat().st_size)


def flip_a_bit(folder: Path) -> None:
    path = data_file(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change_the_meta(folder: Path) -> None:
    path = folder / "meta" / "data.json"
    text = path.read_text()
    assert "0.1" in text
    path.write_text(text.replace("0.1", "0.2"))


def empty_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = {
    "bit": flip_a_bit,
    "truncated": lambda folder: os.truncate(data_file(folder), 100),
    "deleted": lambda folder: data_file(folder).unlink(),
    "meta": change_the_meta,
    "structure": lambda folder: (folder / "state" / "_METADATA").write_text("{"),
    "digests": lambda folder: (folder / "files.json").write_text("{"),
    "no state": lambda folder: shutil.rmtree(folder / "state"),
    "empty": empty_the_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_reported_and_skipped(damage: str, tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    DAMAGES[damage](tmp_path / "2")
    lines: list[str] = []
    with Checkpoints(tmp_path, keep=1, report=lines.append) as checkpoints:
        restored = checkpoints.restore(ABSTRACT)
        assert restored is not None
        assert (restored.step, restored.meta["step"]) == (1, 1)
        assert bits(restored.state) == bits(make_state(1))
        (line,) = lines
        assert re.match(f"checkpoint {tmp_path}/2 .*damaged.*skipped: .", line)
        assert "\n" not in line
        with pytest.raises(UserError, match=f"{tmp_path}/2 is damaged: "):
            checkpoints.restore(ABSTRACT, step=2)
        # Training resumes from step 1 and reaches step 2 again.
        checkpoints.save(2, make_state(2), META)
    again = Checkpoints(tmp_path, report=refuse).restore(ABSTRACT)
    assert again is not None
    assert again.step == 2
    assert bits(again.state) == bits(make_state(2))


def test_damaged_checkpoints_do_not_push_out_whole_ones(tmp_path: Path) -> None:
    save(tmp_path, 1, 20, 30, keep=3)
    empty_the_folder(tmp_path / "20")
    empty_the_folder(tmp_path / "30")
    with Checkpoints(tmp_path, report=lambda _: None) as checkpoints:
        assert checkpoints.restore(ABSTRACT) is not None
        checkpoints.save(2, make_state(2), META)
    assert Checkpoints(tmp_path).steps() == [1, 2]


def test_other_arrays_in_whole_files_are_damage(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    shutil.rmtree(tmp_path / "2" / "state")
    shutil.copytree(tmp_path / "1" / "state", tmp_path / "2" / "state")
    names = [
        "meta/data.json",
        *(
            str(p.relative_to(tmp_path / "2"))
            for p in (tmp_path / "2" / "state").rglob("*")
            if p.is_file()
        ),
    ]
    digests = {n: hashlib.sha256((tmp_path / "2" / n).read_bytes()).hexdigest() for n in names}
    (tmp_path / "2" / "files.json").write_text(json.dumps(digests))
    lines: list[str] = []
    restored = Checkpoints(tmp_path, report=lines.append).restore(ABSTRACT)
    assert restored is not None
    assert restored.step == 1
    assert re.search("array .* digest", lines[0])


def test_where_all_are_damaged_it_says_so(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    flip_a_bit(tmp_path / "1")
    flip_a_bit(tmp_path / "2")
    lines: list[str] = []
    with pytest.raises(UserError) as error:
        Checkpoints(tmp_path, report=lines.append).restore(ABSTRACT)
    assert re.fullmatch(rf"all .*{tmp_path} .*damaged.* 1, 2", str(error.value))
    assert len(lines) == 2
