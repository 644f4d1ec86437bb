"""Every loss and its gradient against a float64 loop and its finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax import losses
from tests.losses import loops
from tests.losses.cases import cases, inputs

N, D = 6, 4
CASES = cases(N, D)


def finite_differences(function, arrays, step=1e-5):
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            above = function(*arrays)
            array[index] = kept - step
            gradient[index] = (above - function(*arrays)) / (2 * step)
            array[index] = kept
    return gradients


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_the_loop(name):
    case = CASES[name]
    arrays = inputs(case, N, D)
    exact = [array.astype(np.float64) for array in arrays]
    every = tuple(range(case.views))
    value, gradients = jax.value_and_grad(case.loss, argnums=every)(*arrays)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, case.loop(*exact), rtol=1e-5, atol=2e-6)
    for ours, expected in zip(gradients, finite_differences(case.loop, exact), strict=True):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(
            ours, expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max(), equal_nan=False
        )


@pytest.mark.parametrize("name", [name for name in CASES if np.isfinite(CASES[name].collapsed)])
def test_collapse_has_its_value_and_a_finite_gradient(name):
    case = CASES[name]
    every = tuple(range(case.views))
    compute = jax.value_and_grad(case.loss, argnums=every)
    value, gradients = compute(*[jnp.ones((N, D), jnp.bfloat16)] * case.views)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, case.collapsed, rtol=1e-5, atol=2e-6, equal_nan=False)
    assert all(np.isfinite(np.asarray(g, np.float32)).all() for g in gradients)
    value, gradients = compute(*[jnp.zeros((N, D))] * case.views)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("iterations", [1, 3])
def test_sinkhorn_is_the_loop_and_has_no_gradient(iterations):
    scores = np.random.default_rng(0).uniform(-1, 1, size=(8, 5)).astype(np.float32)

    def codes(x):
        return losses.sinkhorn(x, epsilon=0.05, iterations=iterations)

    expected = loops.sinkhorn(scores.astype(np.float64), 0.05, iterations)
    np.testing.assert_allclose(codes(scores), expected, rtol=1e-4, atol=1e-7)
    gradient = jax.grad(lambda x: jnp.sum(codes(x) ** 2))(scores)
    np.testing.assert_array_equal(gradient, 0.0)


def test_sinkhorn_of_bfloat16_scores_is_computed_in_float32():
    scores = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, size=(8, 5)), jnp.bfloat16)
    codes = losses.sinkhorn(scores, epsilon=0.05, iterations=3)
    assert codes.dtype == jnp.float32
    expected = loops.sinkhorn(np.asarray(scores, np.float64), 0.05, 3)
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-7)
