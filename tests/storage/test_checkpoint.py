"""Checkpoints are restored bit for bit; which are kept, and which saves are refused."""

import os
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.storage import integrity
from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import ABSTRACT, META, abstract, bits, make_state, refuse, save


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    save(tmp_path, 3)
    restored = Checkpoints(tmp_path, report=refuse).restore(ABSTRACT)
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
    another = tmp_path / "2.orbax-checkpoint-tmp"  # as if another process was saving
    another.mkdir()
    with Checkpoints(tmp_path, report=refuse) as checkpoints:
        assert checkpoints.steps() == [1]
        assert checkpoints.restore(ABSTRACT) is not None
        assert another.exists()
        checkpoints.save(
            3, make_state(3), META
        )  # only one process saves: the folder is of a killed one
        assert not another.exists()


def test_one_step_can_be_named(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    restored = Checkpoints(tmp_path).restore(ABSTRACT, step=1)
    assert restored is not None
    assert restored.step == 1
    assert bits(restored.state) == bits(make_state(1))
    with pytest.raises(UserError, match=r"step 7.* \[1, 2\]"):
        Checkpoints(tmp_path).restore(ABSTRACT, step=7)


def test_the_latest_and_the_best_are_kept(tmp_path: Path) -> None:
    metrics = {1: float("nan"), 2: 0.9, 3: None, 4: 0.1, 5: 0.2, 6: 0.3}
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step, metric in metrics.items():
            checkpoints.save(step, make_state(step), META, metric)
    assert Checkpoints(tmp_path).steps() == [2, 5, 6]
    # A later process reads the metrics back; of two equally good checkpoints the later is kept.
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
        assert re.search(r"params/conv/kernel\b.* not finite .*step 2\b", str(error.value))
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
    monkeypatch.setattr(integrity, "write_file_digests", full)
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
