"""BYOL is its algorithm, with two views and with small crops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from ssl_jax.types import Batch
from tests.losses.loops import unit
from tests.methods import cases
from tests.methods.test_methods import branch
from tests.refusals import refuses

KEY, STEP = jax.random.key(0), jnp.int32(0)
HEADS = {
    "projector": MLP((8, 8), final_bias=False),
    "predictor": MLP((12, 8), final_bias=False),
}


def views_of(sides):
    keys = jax.random.split(jax.random.key(1), cases.BATCH)
    return Batch(cases.views_of(keys, cases.images_of().images, sides))


def start(method, batch):
    """Parameters, and a state whose target is another draw, so that the two are not confused."""
    init = jax.jit(method.init)
    params, state = init(KEY, batch)
    return params, {**state, "target": init(jax.random.key(9), batch)[1]["target"]}


def outputs(params, state, batch, heads=HEADS):
    """Predictions and targets of each view, the networks applied by hand; in float64."""
    target = state["target"]
    names = ("projector", "predictor")
    p = [branch(params, state["stats"], view, names, **heads) for view in batch.views]
    z = [
        branch(target["params"], target["stats"], view, names[:1], **heads) for view in batch.views
    ]
    return [np.asarray(view, np.float64) for view in p], [np.asarray(v, np.float64) for v in z]


def pairs(p, z):
    """||p_hat_i - z_hat_j||^2 over all i != j, mean over the images."""
    total = 0.0
    for i, predictions in enumerate(p):
        for j, targets in enumerate(z):
            rows = zip(predictions, targets, strict=True)
            distances = [np.sum((unit(a) - unit(b)) ** 2) for a, b in rows]
            total += np.mean(distances) if i != j else 0.0
    return total


@pytest.mark.parametrize("sides", [(8, 8), (8, 8, 4)], ids=["two views", "multi-crop"])
def test_byol_is_its_algorithm(sides):
    batch, method = views_of(sides), cases.method_of("byol")
    params, state = start(method, batch)
    p, z = outputs(params, state, batch)
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, STEP)
    assert 0 < value < 4 * len(sides) * (len(sides) - 1)
    np.testing.assert_allclose(value, pairs(p, z), rtol=1e-4)
    for seen, expected in zip(aux.embeddings, p, strict=True):
        np.testing.assert_allclose(seen, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("views", [2, 4])
def test_unrelated_outputs_have_the_loss_of_chance(views):
    p, z = np.random.default_rng(0).normal(size=(2, views, 50, 256))
    expectation = cases.method_of("byol").expect(50, views)
    np.testing.assert_allclose(pairs(p, z), expectation.chance, rtol=0.01)
    assert 0 < expectation.low < 0.01 and expectation.high == expectation.chance


def test_one_view_is_refused():
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("byol").init, KEY, views_of((8,)))
