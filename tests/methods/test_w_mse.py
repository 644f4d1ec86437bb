"""W-MSE: its algorithm, its sub-batches, its gradient through both views."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.methods.w_mse import whiten_sub_batches
from ssl_jax.networks.heads import MLP
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses

ORDER = np.array([3, 14, 0, 9, 6, 11, 1, 12, 5, 2, 15, 7, 10, 4, 13, 8])


def whitened(x):
    """Unit rows after whitening, in float64, with the inverse of Cholesky's factor."""
    x = np.float64(x)
    z = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return z / np.linalg.norm(z, axis=1, keepdims=True)


@pytest.mark.parametrize("views", [2, 4])
def test_is_its_algorithm(views, monkeypatch):
    batch, method = batch_of(views), cases.method_of("w_mse")
    params, state = start(method, batch)
    h = jnp.stack([branch(params, state["stats"], v, ()) for v in batch.views], axis=1)
    head = {"params": params["projector"], "batch_stats": state["stats"]["projector"]}
    v, _ = MLP((8, 4), bias=False).apply(
        head, h.reshape(16 * views, -1), train=True, mutable=["batch_stats"]
    )
    v = v.reshape(16, views, 4)
    distances = []
    for rows in (ORDER[:8], ORDER[8:]):
        z = [whitened(v[rows, i]) for i in range(views)]
        pairs = [(i, j) for i in range(views) for j in range(i)]
        distances.append(np.mean([((z[i] - z[j]) ** 2).sum(1).mean() for i, j in pairs]))
    monkeypatch.setattr(jax.random, "permutation", lambda key, count: jnp.array(ORDER))
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    np.testing.assert_allclose(value, np.mean(distances), rtol=1e-3)
    np.testing.assert_allclose(aux.embeddings[1], v[:, 1], rtol=1e-3, atol=1e-4)


def test_both_views_have_gradient():
    batch, method = batch_of(), cases.method_of("w_mse", iterations=1)
    params, state = start(method, batch)

    def of_views(params, views):
        return method.loss(params, state, batch._replace(views=views), KEY, jnp.int32(0))[0]

    gradient = jax.jit(jax.grad(of_views))
    # With the gradient of one side alone, its place would matter.
    first, second = gradient(params, batch.views), gradient(params, batch.views[::-1])
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert np.isfinite(a).all() and np.any(a)
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3 * np.abs(a).max())


def test_views_share_their_sub_batches_and_iterations_do_not():
    batch = batch_of()
    once, twice = (cases.method_of("w_mse", iterations=count) for count in (1, 2))
    params, state = start(once, batch)
    loss = jax.jit(once.loss)
    value, _ = loss(params, state, batch, KEY, jnp.int32(0))
    other, _ = jax.jit(twice.loss)(params, state, batch, KEY, jnp.int32(0))
    assert other != pytest.approx(float(value), rel=1e-3)
    same = batch._replace(views=(batch.views[0],) * 2)
    np.testing.assert_allclose(loss(params, state, same, KEY, jnp.int32(0))[0], 0.0, atol=1e-6)


def test_every_sub_batch_of_every_view_is_white():
    mixing = np.random.default_rng(0).normal(size=(3, 4, 4))
    x = np.random.default_rng(1).normal(size=(16, 3, 4))
    x = np.einsum("nkd,kde->nke", x, mixing).astype(np.float32)
    z = np.asarray(whiten_sub_batches(jnp.array(x), 8, 0.0))
    assert np.isfinite(z).all() and z.shape == x.shape
    for part in (z[:8], z[8:]):
        for view in range(3):
            np.testing.assert_allclose(part[:, view].mean(0), 0.0, atol=1e-4)
            np.testing.assert_allclose(np.cov(part[:, view].T), np.eye(4), atol=1e-3)
    assert np.abs(np.cov(z[4:12, 0].T) - np.eye(4)).max() > 0.1


def test_sizes_that_do_not_fit_are_named():
    with refuses("sub_batch", 4):
        cases.method_of("w_mse", sub_batch=4)
    method = cases.method_of("w_mse", sub_batch=4, eps=1e-3)
    jax.eval_shape(method.init, KEY, batch_of())
    with refuses("sub_batch", 6):
        cases.method_of("w_mse", sub_batch=6).init(KEY, batch_of())
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("w_mse").init, KEY, batch_of(1))
