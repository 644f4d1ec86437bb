"""VICReg: its equation, its terms as metrics, its value at collapse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses


def terms(first, second):
    """Invariance, variance and covariance of two views in the official code's form."""
    first, second = np.float64(first), np.float64(second)
    hinge, penalty = 0.0, 0.0
    for z in (first, second):
        width = z.shape[1]
        covariance = np.cov(z, rowvar=False)  # unbiased
        hinge += np.maximum(0.0, 1.0 - np.sqrt(np.diag(covariance) + 1e-4)).mean() / 2
        penalty += sum(
            covariance[i, j] ** 2 / width for i in range(width) for j in range(width) if i != j
        )
    return np.array([((first - second) ** 2).mean(), hinge, penalty])


def wide_start(batch, **weights):
    """Features wide enough that the covariances count and some hinges are off."""
    method = cases.method_of("vicreg", **weights)
    params, state = start(method, batch)
    params["projector"]["linear3"]["kernel"] *= jnp.linspace(1.0, 4.0, 8)[None]
    return method, params, state


def test_is_its_equation_over_all_pairs():
    batch = batch_of(3)
    method, params, state = wide_start(batch, invariance=2.0, variance=3.0, covariance=5.0)
    h = MLP((8, 8, 8), bias=False)
    z = [branch(params, state["stats"], v, ("projector",), projector=h) for v in batch.views]
    expected = np.mean([terms(z[i], z[j]) for i, j in ((0, 1), (0, 2), (1, 2))], axis=0)
    assert (expected > 0.05).all()  # each term counts
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    metrics = [aux.metrics[name] for name in ("invariance", "variance", "covariance")]
    assert np.isfinite(value) and np.isfinite(metrics).all()
    np.testing.assert_allclose(metrics, expected, rtol=1e-3)
    np.testing.assert_allclose(value, expected @ [2.0, 3.0, 5.0], rtol=1e-3)
    np.testing.assert_allclose(aux.embeddings[0], z[0], rtol=1e-3, atol=1e-4)


def test_collapse_costs_the_variance_weight_and_is_chance():
    batch = batch_of()
    method, params, state = wide_start(batch)
    params["projector"]["linear3"]["kernel"] *= 0.0
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    np.testing.assert_allclose(value, 24.75, rtol=1e-5)
    assert method.expect(16, 2).chance == pytest.approx(24.75)
    assert aux.metrics["invariance"] == aux.metrics["covariance"] == 0.0


def test_one_view_is_refused():
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("vicreg").init, KEY, batch_of(1))
