"""SimSiam: its equation, its stop-gradient, its predictor's learning rate."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.networks.heads import MLP
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses

HEADS = dict(
    projector=MLP((8, 8, 8), final_norm="plain", bias=False),
    predictor=MLP((8, 8), bias=False, final_bias=True),
)
Z, P = ("projector",), ("projector", "predictor")


def outputs(params, stats, views, names):
    return [branch(params, stats, view, names, **HEADS) for view in views]


def test_is_its_algorithm_and_targets_have_no_gradient():
    batch, method = batch_of(), cases.method_of("simsiam")
    params, state = start(method, batch)
    z = jax.jit(partial(outputs, names=Z))(params, state["stats"], batch.views)

    def of_constants(params):
        p = outputs(params, state["stats"], batch.views, P)
        unit = [v / jnp.linalg.norm(v, axis=1, keepdims=True) for v in (*p, *z)]
        return -0.5 * ((unit[0] * unit[3]).sum(1).mean() + (unit[1] * unit[2]).sum(1).mean())

    def of_method(params):
        return method.loss(params, state, batch, KEY, jnp.int32(0))[0]

    expected, gradient = jax.jit(jax.value_and_grad(of_constants))(params)
    value, own = jax.jit(jax.value_and_grad(of_method))(params)
    assert np.isfinite(value)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    for (path, a), b in zip(jax.tree.leaves_with_path(own), jax.tree.leaves(gradient), strict=True):
        assert np.isfinite(a).all()
        scale = max(np.abs(b).max(), 1e-2)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * scale, err_msg=str(path))


def test_is_the_mean_over_ordered_pairs_of_three_views():
    batch, method = batch_of(3), cases.method_of("simsiam")
    params, state = start(method, batch)
    z, p = (
        np.float64(jax.jit(partial(outputs, names=names))(params, state["stats"], batch.views))
        for names in (Z, P)
    )
    zhat, phat = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (z, p))
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    expected = -np.mean([(phat[i] * zhat[j]).sum(axis=1).mean() for i, j in pairs])
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.stack(aux.embeddings), p, rtol=1e-3, atol=1e-4)


def test_only_the_predictor_keeps_its_learning_rate():
    names = dict(backbone={"w": 0}, projector={"w": 0}, predictor={"a": 0, "b": 0})
    groups = cases.method_of("simsiam").groups(names)
    assert groups["predictor"] == {"a": "constant", "b": "constant"}
    assert groups["projector"] == groups["backbone"] == {"w": "default"}


def test_one_view_is_refused():
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("simsiam").init, KEY, batch_of(1))
