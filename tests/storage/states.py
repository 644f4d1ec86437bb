"""A small train state with every kind of leaf, and helpers that save and compare it."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.storage.checkpoint import Checkpoints

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
    raise AssertionError(f"nothing is damaged, but: {line}")
