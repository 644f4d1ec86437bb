"""Barlow Twins: its equation, its value at collapse and at chance."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.losses import barlow_twins
from ssl_jax.networks.heads import MLP
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses


def equation(first, second, weight):
    first, second = np.float64(first), np.float64(second)
    first, second = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (first, second))
    total, (count, width) = 0.0, first.shape
    for i in range(width):
        for j in range(width):
            c = (first[:, i] * second[:, j]).sum() / count
            total += (1 - c) ** 2 if i == j else weight * c**2
    return total


def test_is_its_equation_over_all_pairs_and_the_width_at_collapse():
    batch = batch_of(3)
    method = cases.method_of("barlow_twins", off_diagonal_weight=0.1, scale=0.3)
    params, state = start(method, batch)
    g = MLP((8, 8, 8), bias=False)
    z = [branch(params, state["stats"], v, ("projector",), projector=g) for v in batch.views]
    expected = 0.3 * np.mean([equation(z[i], z[j], 0.1) for i, j in ((0, 1), (0, 2), (1, 2))])
    loss = jax.jit(method.loss)
    value, aux = loss(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    np.testing.assert_allclose(aux.embeddings[2], z[2], rtol=1e-3, atol=1e-4)
    # The last layer gone, all features are constant.
    params["projector"]["linear3"]["kernel"] *= 0.0
    value, _ = loss(params, state, batch, KEY, jnp.int32(0))
    np.testing.assert_allclose(value, 0.3 * 8, rtol=1e-5)


def test_chance_is_what_unrelated_embeddings_have():
    method = cases.method_of("barlow_twins", off_diagonal_weight=0.5, scale=2.0)
    z = np.random.default_rng(0).normal(size=(2, 400, 16, 8)).astype(np.float32)
    values = jax.vmap(lambda a, b: 2.0 * barlow_twins(a, b, 0.5))(*z)
    np.testing.assert_allclose(method.expect(16, 2).chance, np.mean(values), rtol=0.02)
    assert np.isfinite(method.expect(1, 2).chance)


def test_one_view_is_refused():
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("barlow_twins").init, KEY, batch_of(1))
