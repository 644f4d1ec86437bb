"""Alignment and uniformity: its equation, and what collapse is worth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses


def unit(z):
    z = np.float64(z)
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def alignment(a, b, alpha):
    return np.mean([np.linalg.norm(x - y) ** alpha for x, y in zip(a, b, strict=True)])


def uniformity(z, t):
    pairs = [(i, j) for i in range(len(z)) for j in range(i)]
    return np.log(np.mean([np.exp(-t * np.sum((z[i] - z[j]) ** 2)) for i, j in pairs]))


def test_is_its_equation_on_views_of_one_batch_and_zero_at_collapse():
    batch = batch_of(3)
    method = cases.method_of(
        "align_uniform", align_weight=3.0, align_alpha=1.0, uniform_weight=0.5, uniform_t=3.0
    )
    params, state = start(method, batch)
    images = jnp.stack(batch.views, axis=1).reshape(48, *batch.views[0].shape[1:])
    g = MLP((8, 8), bias=False, final_bias=True)
    outputs = branch(params, state["stats"], images, ("projector",), projector=g)
    z = [unit(outputs[view::3]) for view in range(3)]
    align = np.mean([alignment(z[i], z[j], 1.0) for i, j in ((0, 1), (0, 2), (1, 2))])
    uniform = np.mean([uniformity(view, 3.0) for view in z])
    loss = jax.jit(method.loss)
    value, aux = loss(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    np.testing.assert_allclose(aux.metrics["alignment"], align, rtol=1e-3)
    np.testing.assert_allclose(aux.metrics["uniformity"], uniform, rtol=1e-3)
    np.testing.assert_allclose(value, 3.0 * align + 0.5 * uniform, rtol=1e-3)
    np.testing.assert_allclose(aux.embeddings[2], outputs[2::3], rtol=1e-3, atol=1e-4)
    # The last weights gone, its bias alone is left: all embeddings are the same.
    params["projector"]["linear2"]["kernel"] *= 0.0
    value, _ = loss(params, state, batch, KEY, jnp.int32(0))
    np.testing.assert_allclose(value, method.expect(16, 2).chance, atol=1e-5)


def test_nothing_is_lower_than_views_that_are_equal_and_images_that_are_a_simplex():
    expected = cases.method_of("align_uniform", uniform_weight=0.5, uniform_t=3.0).expect(5, 2)
    corners = unit(np.eye(5) - 0.2)
    assert expected.low == pytest.approx(0.5 * uniformity(corners, 3.0))


def test_one_view_is_refused():
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("align_uniform").init, KEY, batch_of(1))
