"""Penalties are added to a method's loss, and change nothing else of it."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.methods.parts.base import Aux, Expectation, Method
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.types import Batch
from tests.losses import loops
from tests.refusals import refuses

BATCH = Batch((jnp.zeros((6, 2, 2, 1)),))
KEY, STEP = jax.random.key(0), jnp.int32(0)


def method():
    """Its parameters are its embeddings, and its loss is one random number times their sum."""

    def loss(params, state, batch, key, step):
        draw = jax.random.normal(key)
        return draw * sum(view.sum() for view in params), Aux(state, {"draw": draw}, params)

    def expect(batch_size, views):
        return Expectation(1.0, 0.0, 2.0, "bad luck")

    init = lambda key, batch: (views(), {})  # noqa: E731
    encode = lambda params, state, images: params[0]  # noqa: E731
    return Method(init, loss, encode, expect=expect)


def views():
    return tuple(jax.random.normal(jax.random.key(i), (6, 4)) for i in (1, 2))


def test_the_loss_is_the_method_s_and_the_weighted_penalties():
    params = views()
    bare, _ = method().loss(params, {}, BATCH, KEY, STEP)
    wrapped = regularized(method(), brownian=0.5, singular_value=0.25, uniformity=2.0)
    value, aux = jax.jit(wrapped.loss)(params, {}, BATCH, KEY, STEP)
    p = [np.asarray(view, np.float64) for view in params]
    l_s = loops.singular_value(p)
    l_u = np.mean([loops.uniformity(view, 2.0) for view in p])
    l_b = float(aux.metrics["penalty_brownian"])
    np.testing.assert_allclose(aux.metrics["penalty_singular_value"], l_s, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["penalty_uniformity"], l_u, rtol=1e-4)
    np.testing.assert_allclose(value, bare + 0.5 * l_b + 0.25 * l_s + 2.0 * l_u, rtol=1e-4)


def test_the_method_draws_what_it_draws_without():
    wrapped = regularized(method(), brownian=0.5)
    _, bare = method().loss(views(), {}, BATCH, KEY, STEP)
    _, aux = wrapped.loss(views(), {}, BATCH, KEY, STEP)
    np.testing.assert_array_equal(aux.metrics["draw"], bare.metrics["draw"])
    assert set(aux.metrics) == {"draw", "penalty_brownian"}  # none without a weight


def test_views_of_an_image_are_pushed_one_way_and_images_each_their_own():
    # Every embedding is the same unit vector, so that forces differ by their directions alone.
    params = tuple(jnp.eye(1, 4).repeat(6, axis=0) for _ in range(2))
    wrapped = regularized(method(), brownian=1.0)

    def penalty(params, key):
        return wrapped.loss(params, {}, BATCH, key, STEP)[1].metrics["penalty_brownian"]

    force = jax.jit(jax.grad(penalty))
    first, second = force(params, KEY), force(params, jax.random.key(5))
    np.testing.assert_allclose(first[0], first[1], rtol=1e-5)
    unit = np.array([loops.unit(row) for row in np.asarray(first[0])])
    assert np.abs((unit @ unit.T)[np.triu_indices(6, 1)]).max() < 0.999
    assert not np.allclose(first[0], second[0], atol=1e-3)


def test_only_the_loss_and_its_scale_change():
    inner = method()
    wrapped = regularized(inner, uniformity=1.0)
    for slot in ("init", "encode", "update", "groups"):
        assert getattr(wrapped, slot) is getattr(inner, slot)
    assert wrapped.expect(6, 2) == Expectation(causes="bad luck")
    assert regularized(inner) is inner


def test_negative_weights_are_refused():
    with refuses("brownian", -0.5):
        regularized(method(), brownian=-0.5)
