"""Fast-MoCo is its algorithm: patches online, whole images in the target."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.methods.parts.combinatorial_patches import divide
from ssl_jax.networks.heads import MLP
from ssl_jax.types import Batch
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses

HEADS = dict(
    projector=MLP((8, 8, 8), final_norm="affine", bias=False),
    predictor=MLP((8, 8), bias=False, final_bias=True),
)


def apply_heads(params, stats, names, embeddings):
    """The heads one after the other, in train mode; combinations [N, s, d] as one batch."""
    n, s, d = embeddings.shape
    out = jnp.asarray(embeddings.reshape(n * s, d))
    for name in names:
        variables = {"params": params[name], "batch_stats": stats[name]}
        out, _ = HEADS[name].apply(variables, out, train=True, mutable=["batch_stats"])
    return np.asarray(out, np.float64).reshape(n, s, -1)


def combined(params, stats, view, names, k):
    """The networks on patches, written out: [N, C(4, k), d] in float64."""
    patches = np.asarray(branch(params, stats, divide(view), ())).reshape(len(view), 4, -1)
    means = [patches[:, some].mean(axis=1) for some in combinations(range(4), k)]
    return apply_heads(params, stats, names, np.stack(means, axis=1))


@pytest.mark.parametrize("k", [2, 3])
def test_fast_moco_is_its_algorithm(k):
    batch, method = batch_of(), cases.method_of("fast_moco", temperature=0.4, k=k)
    params, state = start(method, batch)
    # A target apart from the online network, so that the two cannot be confused.
    moved = jax.tree.map(lambda p: 0.5 * p + 0.1, state["target"]["params"])
    state = {**state, "target": {**state["target"], "params": moved}}
    stats = state["target"]["stats"]
    z = [branch(moved, stats, v, ("projector",), **HEADS) for v in batch.views]
    p = [combined(params, state["stats"], v, ("projector", "predictor"), k) for v in batch.views]
    terms = [
        loops.info_nce(p[i][:, c], np.asarray(z[1 - i], np.float64), 0.4)
        for i in (0, 1)
        for c in range(p[0].shape[1])
    ]
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    np.testing.assert_allclose(value, np.mean(terms), rtol=1e-4)
    expected = np.concatenate([p[0], p[1]], axis=1)
    np.testing.assert_allclose(np.stack(aux.embeddings, axis=1), expected, rtol=1e-3, atol=1e-4)


def test_the_predictor_keeps_its_learning_rate_and_the_target_follows():
    method = cases.method_of("fast_moco", momentum=0.75)
    params, state = start(method, batch_of())
    groups = method.groups(params)
    assert {name: set(jax.tree.leaves(group)) for name, group in groups.items()} == {
        "backbone": {"default"},
        "projector": {"default"},
        "predictor": {"constant"},
    }
    ahead = jax.tree.map(lambda p: p + 1.0, params)
    _, after = method.update(ahead, state, jnp.int32(3))
    old, new = state["target"]["params"], after["target"]["params"]
    assert set(new) == {"backbone", "projector"}
    for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True):
        np.testing.assert_allclose(b, a + 0.25, rtol=1e-4, atol=1e-5)


def test_what_fast_moco_cannot_do_says_so():
    with refuses("/augment"):
        cases.method_of("fast_moco").init(KEY, batch_of(3))
    method, batch = cases.method_of("fast_moco"), batch_of()
    odd = Batch(tuple(view[:, :7] for view in batch.views))
    with refuses("/augment"):
        jax.eval_shape(method.init, KEY, odd)
