"""What every method promises, as checks on what two of its steps did."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.devices import sharding
from ssl_jax.methods.parts.base import Method
from tests.methods import cases

# Groups of parameters that stay as they are in the first steps.
STILL = ("frozen", "frozen_at_first")


class Steps(NamedTuple):
    """Two steps on one device, the same two on eight, and what was seen on the way.

    trails: by number of devices, what changes before the first step and after each one, on the
      host.
    compilations: of the step, by number of devices.
    """

    case: cases.Case
    method: Method
    trails: list[list[Any]]
    compilations: list[int]


def run_steps(case: cases.Case, **wrapper: Any) -> Steps:
    """Runs the method of a case, in a wrapper if there is one."""
    method = cases.method_of(case, **wrapper)
    init, step = cases.program(method, case.sides)
    trails, compilations = [], []
    with jax.default_matmul_precision("highest"):
        start = jax.jit(init)(jax.random.key(0), cases.images_of().images)
        for devices in (jax.devices()[:1], jax.devices()):
            shardings = sharding.make(cases.BATCH, devices)
            batch = jax.device_put(cases.images_of(), shardings.batch)
            # A copy: the step is given its buffers.
            state = jax.device_put(start, shardings.replicated, may_alias=False)
            compiled = jax.jit(step, donate_argnums=0, out_shardings=(shardings.replicated,) * 2)
            trail = [values(state)]
            for _ in range(2):
                state, _ = compiled(state, batch)
                trail.append(values(state))
            trails.append(trail)
            compilations.append(compiled._cache_size())
    return Steps(case, method, trails, compilations)


def values(train):
    """What changes, on the host: a copy, as the arrays are donated."""
    names = ("step", "params", "state", "opt")
    return jax.tree.map(np.array, {name: getattr(train, name) for name in names})


def one_device_equals_eight(steps: Steps) -> None:
    one, eight = steps.trails
    first, second = jax.tree.leaves_with_path(one[1]), jax.tree.leaves(eight[1])
    for (path, a), b in zip(first, second, strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert np.isfinite(a).all() and np.isfinite(b).all()
        # A bias in front of BatchNorm has no gradient but what rounding leaves.
        least = 5e-2 if "bias" in str(path[-1]) else 1e-2
        scale = max(np.abs(a).max(initial=0.0), least)
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4 * scale, err_msg=str(path))


def compiled_once_and_same_structure(steps: Steps) -> None:
    assert steps.compilations == [1, 1]
    for trail in steps.trails:
        shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), state) for state in trail]
        assert shapes[0] == shapes[1] == shapes[2]


def every_kernel_moves(steps: Steps) -> None:
    """But for those of groups that are frozen."""
    before, after = steps.trails[0][0]["params"], steps.trails[0][1]["params"]
    groups = jax.tree.leaves(steps.method.groups(before))
    leaves = zip(jax.tree.leaves_with_path(before), jax.tree.leaves(after), groups, strict=True)
    for (path, a), b, group in leaves:
        if a.ndim > 1:
            # SwAV normalises its prototypes again after a step that did not move them.
            stays = np.allclose(a, b, rtol=1e-6, atol=1e-7)
            assert stays == (group in STILL), f"{jax.tree_util.keystr(path)} moves, or does not"


def features_do_not_depend_on_the_batch(steps: Steps) -> None:
    trained = steps.trails[0][2]
    images = cases.images_of().images.astype(jnp.float32) / 255.0
    encode = jax.jit(
        lambda images: steps.method.encode(trained["params"], trained["state"], images)
    )
    together = encode(images)
    assert np.isfinite(together).all() and np.std(together, axis=0).max() > 0
    alone = jnp.concatenate([encode(images[:8]), encode(images[8:])])
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)


def embeddings_are_one_array_per_view(steps: Steps) -> None:
    start = steps.trails[0][0]
    _, aux = jax.eval_shape(
        steps.method.loss,
        start["params"],
        start["state"],
        cases.batch_of(steps.case.sides),
        jax.random.key(2),
        jnp.int32(0),
    )
    assert aux.embeddings
    assert {e.shape for e in aux.embeddings} == {(cases.BATCH, aux.embeddings[0].shape[1])}


PROMISES = (
    one_device_equals_eight,
    compiled_once_and_same_structure,
    every_kernel_moves,
    features_do_not_depend_on_the_batch,
    embeddings_are_one_array_per_view,
)
