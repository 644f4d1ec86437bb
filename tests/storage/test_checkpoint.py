"""Checkpoints come back bit for bit, or are found to be damaged."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.storage import checkpoint
from ssl_jax.storage.checkpoint import Checkpoints, digest

META = {"config": {"lr": 0.1, "sizes": [1, 2], "name": "x"}, "none": None}


class Moments(NamedTuple):
    mean: Any
    count: Any


def make_state(step: int) -> dict[str, Any]:
    rng = np.random.default_rng(step)
    kernel = rng.normal(size=(3, 3, 4, 8)).astype(np.float32)
    return {
        "params": {"conv": {"kernel": jnp.asarray(kernel)}},
        "opt": (Moments(jnp.asarray(rng.normal(size=5), jnp.bfloat16), jnp.int32(step)), ()),
        "key": jax.random.key(step),
        "flags": jnp.asarray([True, False]),
    }


def bits(tree: Any) -> list[tuple[str, tuple[int, ...], bytes]]:
    def of(leaf: jax.Array) -> tuple[str, tuple[int, ...], bytes]:
        array = (
            jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        )
        return str(leaf.dtype), leaf.shape, np.asarray(array).tobytes()

    return [of(leaf) for leaf in jax.tree.leaves(tree)]


def abstract(tree: Any, where: Any = None) -> Any:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where or leaf.sharding),
        tree,
    )


ABSTRACT = abstract(make_state(0))


def save(directory: Path, *steps: int, **options: Any) -> None:
    with Checkpoints(directory, **options) as checkpoints:
        for step in steps:
            checkpoints.save(step, make_state(step), {**META, "step": step})


def refuse(line: str) -> None:
    raise AssertionError(f"nothing is damaged, yet: {line}")


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    save(tmp_path, 3)
    restored = Checkpoints(tmp_path).restore(ABSTRACT, report=refuse)
    assert restored is not None
    assert (restored.step, restored.meta) == (3, {**META, "step": 3})
    assert jax.tree.structure(restored.state) == jax.tree.structure(make_state(3))
    assert bits(restored.state) == bits(make_state(3))
    drawn = [jax.random.normal(state["key"], 3) for state in (restored.state, make_state(3))]
    np.testing.assert_array_equal(*drawn)


def test_a_state_may_be_donated_at_once(tmp_path: Path) -> None:
    state = make_state(1)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state, META)
        zero = jax.jit(lambda tree: jax.tree.map(lambda leaf: 0 * leaf, tree), donate_argnums=0)
        zeros = zero(state["params"])
        assert not np.asarray(zeros["conv"]["kernel"]).any()
    restored = Checkpoints(tmp_path).restore(ABSTRACT)
    assert restored is not None
    assert bits(restored.state) == bits(make_state(1))


def test_devices_may_change_between_save_and_restore(tmp_path: Path) -> None:
    everywhere = sharding.make(8).replicated
    save(tmp_path, 1)
    restored = Checkpoints(tmp_path).restore(abstract(make_state(0), everywhere))
    assert restored is not None
    assert {leaf.sharding for leaf in jax.tree.leaves(restored.state)} == {everywhere}
    assert bits(restored.state) == bits(make_state(1))
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, restored.state, META)
    back = Checkpoints(tmp_path).restore(ABSTRACT)
    assert back is not None
    assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(back.state)} == {1}
    assert bits(back.state) == bits(make_state(1))


def test_reading_changes_nothing_on_disk(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "absent").restore(ABSTRACT) is None
    assert not (tmp_path / "absent").exists()
    save(tmp_path, 1)
    another = tmp_path / "2.orbax-checkpoint-tmp"  # as while another process saves
    another.mkdir()
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.steps() == [1]
        assert checkpoints.restore(ABSTRACT, report=refuse) is not None
        assert another.exists()
        checkpoints.save(3, make_state(3), META)  # one process saves: it was left by a killed one
        assert not another.exists()


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
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        restored = checkpoints.restore(ABSTRACT, report=lines.append)
        assert restored is not None
        assert (restored.step, restored.meta["step"]) == (1, 1)
        assert bits(restored.state) == bits(make_state(1))
        (line,) = lines
        assert line.startswith(f"checkpoint {tmp_path}/2 is damaged and skipped: ")
        assert "\n" not in line
        with pytest.raises(UserError, match=f"checkpoint {tmp_path}/2 is damaged: "):
            checkpoints.restore(ABSTRACT, step=2)
        # Training goes on from step 1 and comes to step 2 again.
        checkpoints.save(2, make_state(2), META)
    again = Checkpoints(tmp_path).restore(ABSTRACT, report=refuse)
    assert again is not None
    assert again.step == 2
    assert bits(again.state) == bits(make_state(2))


def test_damaged_checkpoints_do_not_push_out_whole_ones(tmp_path: Path) -> None:
    save(tmp_path, 1, 20, 30, keep=3)
    empty_the_folder(tmp_path / "20")
    empty_the_folder(tmp_path / "30")
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore(ABSTRACT, report=lambda _: None) is not None
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
    restored = Checkpoints(tmp_path).restore(ABSTRACT, report=lines.append)
    assert restored is not None
    assert restored.step == 1
    assert "differs from what was saved" in lines[0]


def test_where_all_are_damaged_it_says_so(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    flip_a_bit(tmp_path / "1")
    flip_a_bit(tmp_path / "2")
    lines: list[str] = []
    with pytest.raises(UserError) as error:
        Checkpoints(tmp_path).restore(ABSTRACT, report=lines.append)
    assert str(error.value) == f"all checkpoints in {tmp_path} are damaged: steps [1, 2]"
    assert len(lines) == 2


HELD = "holds params/conv/kernel [3, 3, 4, 8]"


def wider() -> Any:
    state = make_state(0)
    state["params"]["conv"]["kernel"] = jnp.zeros((3, 3, 4, 16))
    return state


def half() -> Any:
    state = make_state(0)
    state["params"]["conv"]["kernel"] = jnp.zeros((3, 3, 4, 8), jnp.bfloat16)
    return state


@pytest.mark.parametrize(
    ("needed", "message"),
    [
        (
            wider(),
            f"{HELD}, this configuration needs [3, 3, 4, 16]",
        ),
        (
            half(),
            "holds params/conv/kernel float32, this configuration needs bfloat16",
        ),
        (
            {**make_state(0), "queue": jnp.zeros((6, 2))},
            "lacks queue [6, 2]",
        ),
        (
            {name: leaf for name, leaf in make_state(0).items() if name != "params"},
            f"{HELD}, which this configuration does not have",
        ),
    ],
)
def test_other_arrays_than_needed_are_refused_in_one_line(
    needed: Any, message: str, tmp_path: Path
) -> None:
    save(tmp_path, 1, 120)
    with pytest.raises(UserError) as error:
        Checkpoints(tmp_path).restore(abstract(needed), report=refuse)
    rule = "another architecture or batch size"
    assert str(error.value) == f"checkpoint {tmp_path}/120 {message}: {rule}"


def test_one_step_can_be_named(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    restored = Checkpoints(tmp_path).restore(ABSTRACT, step=1)
    assert restored is not None
    assert restored.step == 1
    assert bits(restored.state) == bits(make_state(1))
    with pytest.raises(UserError, match=r"has no checkpoint of step 7, only of \[1, 2\]"):
        Checkpoints(tmp_path).restore(ABSTRACT, step=7)


def test_the_latest_and_the_best_are_kept(tmp_path: Path) -> None:
    metrics = {1: float("nan"), 2: 0.9, 3: None, 4: 0.1, 5: 0.2, 6: 0.3}
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step, metric in metrics.items():
            checkpoints.save(step, make_state(step), META, metric)
    assert Checkpoints(tmp_path).steps() == [2, 5, 6]
    # A later process knows the metrics, and the later of two equals is the best.
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(7, make_state(7), META, 0.5)
        checkpoints.wait()
        assert checkpoints.steps() == [2, 7]
        checkpoints.save(8, make_state(8), META, 0.9)
        checkpoints.wait()
        assert checkpoints.steps() == [8]


def test_a_saved_step_is_left_as_it_is(tmp_path: Path) -> None:
    save(tmp_path, 1)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, make_state(2), META)
    restored = Checkpoints(tmp_path).restore(ABSTRACT)
    assert restored is not None
    assert bits(restored.state) == bits(make_state(1))


@pytest.mark.parametrize(("value", "dtype"), [(np.nan, jnp.float32), (-np.inf, jnp.bfloat16)])
def test_what_is_not_finite_is_not_saved(value: float, dtype: Any, tmp_path: Path) -> None:
    save(tmp_path, 1)
    state = make_state(2)
    state["params"]["conv"]["kernel"] = jnp.zeros((4, 4), dtype).at[2, 3].set(value)
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(UserError) as error:
            checkpoints.save(2, state, META)
        assert "params/conv/kernel is not finite at step 2" in str(error.value)
        checkpoints.wait()
        assert os.listdir(tmp_path) == ["1"]


def test_a_save_that_fails_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, make_state(1), META)
    checkpoints.wait()
    monkeypatch.setattr(checkpoint, "_file_digests", full)
    checkpoints.save(2, make_state(2), META)
    with pytest.raises(UserError) as error:
        checkpoints.close()
    monkeypatch.undo()
    assert "No space left on device" in str(error.value)
    assert "\n" not in str(error.value)
    assert checkpoints.steps() == [1]
    checkpoints.save(2, make_state(2), META)
    checkpoints.close()
    assert checkpoints.steps() == [1, 2]


def test_digest_is_of_names_dtypes_shapes_and_bytes() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    inner = hashlib.sha256(b"float32 (2, 3) " + array.tobytes()).hexdigest()
    expected = hashlib.sha256(f"a/b {inner}\n".encode()).hexdigest()
    assert digest({"a": {"b": jnp.asarray(array)}}) == expected

    state = make_state(1)
    moments = Moments(mean=jnp.zeros(2), count=jnp.ones(2))
    assert digest(moments) == digest(moments._asdict())  # ordered by name
    assert digest(state) == digest(jax.device_put(state, sharding.make(8).replicated))
    others = [
        make_state(2),
        {**state, "key": jax.random.key(2)},
        {**state, "flags": jnp.asarray([1, 0], jnp.int8)},
        {**state, "flags": jnp.asarray([[True, False]])},
        {("marks" if name == "flags" else name): leaf for name, leaf in state.items()},
    ]
    assert len({digest(tree) for tree in [state, *others]}) == 6


# Killed at three moments of the second save: the arrays are being written; all is written;
# all is written and hashed, but not committed.
KILLED = """
import sys
import jax.numpy as jnp, numpy as np
from ssl_jax.checkpoint import Checkpoints

directory, moment = sys.argv[1:]

def stop_at(here):
    if here == moment:
        print("now", flush=True)
        sys.stdin.read()

class Stopping(Checkpoints):
    def _write_file_digests(self):
        if self._saving == 2:
            stop_at("written")
        super()._write_file_digests()
        if self._saving == 2:
            stop_at("hashed")

checkpoints = Stopping(directory, keep=1)
for step in (1, 2):
    values = np.random.default_rng(step).normal(size=(2048, 1024))
    checkpoints.save(step, {"w": jnp.asarray(values, jnp.float32)}, {"step": step})
    if step == 1:
        checkpoints.wait()
stop_at("writing")
checkpoints.close()
"""


def test_a_kill_during_a_save_loses_only_that_save(tmp_path: Path) -> None:
    moments = ("writing", "written", "hashed")
    killed = {
        moment: subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / moment), moment],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "JAX_NUM_CPU_DEVICES": "1"},
        )
        for moment in moments
    }
    for moment, process in killed.items():
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"now\n"
            process.kill()
        assert process.returncode == -9
        needed = {
            "w": jax.ShapeDtypeStruct(
                (2048, 1024), jnp.float32, sharding=ABSTRACT["flags"].sharding
            )
        }
        with Checkpoints(tmp_path / moment, keep=1) as checkpoints:
            restored = checkpoints.restore(needed, report=refuse)
            assert restored is not None
            # What is being written may be complete before the signal arrives.
            assert restored.step == 1 or moment == "writing"
            assert restored.meta == {"step": restored.step}
            values = np.random.default_rng(restored.step).normal(size=(2048, 1024))
            np.testing.assert_array_equal(restored.state["w"], values.astype(np.float32))
            checkpoints.save(3, restored.state, {})
        assert os.listdir(tmp_path / moment) == ["3"]  # and nothing temporary
