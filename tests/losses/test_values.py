"""Every loss and its gradient against a float64 loop and its finite differences."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax import losses
from tests.losses import loops

KEY = jax.random.key(3)
N, D = 6, 4
NOISE = np.asarray(jax.random.normal(KEY, (N, D)), np.float64)
WEIGHTS = np.random.default_rng(1).normal(size=(N, D)).astype(np.float32)


class Case(NamedTuple):
    """A loss of `views` arrays [N, D], the same as a loop, and its value at collapse."""

    views: int
    loss: Callable
    loop: Callable
    collapsed: float


CASES = {
    "info_nce": Case(
        2,
        lambda q, k: losses.info_nce(q, k, 0.2),
        lambda q, k: loops.info_nce(q, k, 0.2),
        np.log(N),
    ),
    "info_nce with a queue": Case(
        3,
        lambda q, k, queue: losses.info_nce(q, k, 0.07, queue),
        lambda q, k, queue: loops.info_nce(q, k, 0.07, queue),
        np.log(1 + N),
    ),
    "nt_xent": Case(
        2,
        lambda a, b: losses.nt_xent(a, b, 0.5),
        lambda a, b: loops.nt_xent(a, b, 0.5),
        np.log(2 * N - 1),
    ),
    "margin_contrastive": Case(
        3,
        lambda a, p, n: losses.margin_contrastive(a, p, n, 0.3),
        lambda a, p, n: loops.margin_contrastive(a, p, n, 0.3),
        0.3,
    ),
    "negative_cosine": Case(2, losses.negative_cosine, loops.negative_cosine, -1.0),
    "cosine_distance": Case(
        2,
        losses.cosine_distance,
        lambda p, z: 2 + 2 * loops.negative_cosine(p, z),
        0.0,
    ),
    "centroid": Case(
        6,
        lambda *views: losses.centroid(views[:3], views[3:]),
        lambda *views: loops.centroid(views[:3], views[3:]),
        0.0,
    ),
    "alignment": Case(2, losses.alignment, lambda a, b: loops.alignment(a, b, 2), 0.0),
    "alignment, alpha 1": Case(
        2,
        lambda a, b: losses.alignment(a, b, alpha=1.0),
        lambda a, b: loops.alignment(a, b, 1),
        0.0,
    ),
    "uniformity": Case(1, losses.uniformity, lambda x: loops.uniformity(x, 2), 0.0),
    "brownian": Case(
        3,
        lambda *views: losses.brownian(views, KEY),
        lambda *views: loops.brownian(views, NOISE),
        np.mean(NOISE.sum(axis=1) / np.linalg.norm(NOISE, axis=1)) / np.sqrt(D),
    ),
    "singular_value": Case(
        2,
        lambda *views: losses.singular_value(views),
        lambda *views: loops.singular_value(views),
        D,
    ),
    "barlow_twins": Case(
        2,
        losses.barlow_twins,
        lambda a, b: loops.barlow_twins(a, b, 0.0051),
        D,
    ),
    "vicreg": Case(2, losses.vicreg, lambda a, b: loops.vicreg(a, b, 25, 25, 1), 24.75),
    "variance_hinge": Case(1, losses.variance_hinge, lambda x: loops.vicreg(x, x, 0, 1, 0), 0.99),
    "covariance_penalty": Case(
        1, losses.covariance_penalty, lambda x: loops.vicreg(x, x, 0, 0, 0.5), 0.0
    ),
    "whiten": Case(
        1,
        lambda x: jnp.sum(WEIGHTS * losses.whiten(x)),
        lambda x: np.sum(WEIGHTS * loops.whiten(x)),
        np.nan,  # singular
    ),
    "whiten, shrunk": Case(
        1,
        lambda x: jnp.sum(WEIGHTS * losses.whiten(x, eps=0.1)),
        lambda x: np.sum(WEIGHTS * loops.whiten(x, eps=0.1)),
        0.0,
    ),
    "code_cross_entropy": Case(
        2,
        lambda q, s: losses.code_cross_entropy(q, s, 0.5),
        lambda q, s: loops.code_cross_entropy(q, s, 0.5),
        D * np.log(D),  # codes of ones
    ),
    "dino": Case(
        3,
        lambda s, t, c: losses.dino(s, t, c[0], teacher_temperature=0.7),
        lambda s, t, c: loops.dino(s, t, c[0], 0.1, 0.7),
        np.log(D),
    ),
}


def inputs(case):
    """Rows of unequal length, features with standard deviations on both sides of 1."""
    rng = np.random.default_rng(0)
    scale = np.linspace(0.4, 2.0, D) * np.linspace(0.5, 1.5, N)[:, None]
    return [(rng.normal(size=(N, D)) * scale).astype(np.float32) for _ in range(case.views)]


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
    arrays = inputs(case)
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
