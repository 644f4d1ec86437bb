"""Losses against float64 NumPy loops, closed forms and symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.losses import info_nce, normalize, nt_xent

RNG = np.random.default_rng(0)


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw(*shape):
    return RNG.normal(size=shape).astype(np.float32) * 3.0


def cross_entropy(logits, label):
    return -logits[label] + np.log(np.sum(np.exp(logits)))


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_info_nce_without_queue_is_the_loop(temperature):
    queries, keys = draw(6, 5), draw(6, 5)
    q, k = unit(queries), unit(keys)
    expected = np.mean(
        [
            cross_entropy(np.array([q[i] @ k[j] for j in range(6)]) / temperature, i)
            for i in range(6)
        ]
    )
    np.testing.assert_allclose(info_nce(queries, keys, temperature), expected, rtol=1e-5)


def test_info_nce_with_queue_is_the_loop():
    queries, keys, queue = draw(4, 5), draw(4, 5), draw(9, 5)
    q, k, n = unit(queries), unit(keys), unit(queue)
    expected = np.mean(
        [
            cross_entropy(np.array([q[i] @ k[i], *(q[i] @ row for row in n)]) / 0.07, 0)
            for i in range(4)
        ]
    )
    np.testing.assert_allclose(info_nce(queries, keys, 0.07, queue), expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_nt_xent_is_the_loop(temperature):
    first, second = draw(5, 4), draw(5, 4)
    z = unit(np.concatenate([first, second]))
    terms = []
    for i in range(10):
        others = [j for j in range(10) if j != i]
        logits = np.array([z[i] @ z[j] for j in others]) / temperature
        terms.append(cross_entropy(logits, others.index((i + 5) % 10)))
    np.testing.assert_allclose(nt_xent(first, second, temperature), np.mean(terms), rtol=1e-5)


def test_equal_similarities_give_the_logarithm_of_the_choices():
    same = jnp.ones((8, 3))
    np.testing.assert_allclose(info_nce(same, same, 0.2), np.log(8), rtol=1e-6)
    np.testing.assert_allclose(info_nce(same, same, 0.2, jnp.ones((20, 3))), np.log(21), rtol=1e-6)
    np.testing.assert_allclose(nt_xent(same, same, 0.2), np.log(15), rtol=1e-6)


def test_symmetries():
    first, second = draw(6, 4), draw(6, 4)
    value = nt_xent(first, second, 0.3)
    np.testing.assert_allclose(nt_xent(second, first, 0.3), value, rtol=1e-5)
    order = RNG.permutation(6)
    np.testing.assert_allclose(nt_xent(first[order], second[order], 0.3), value, rtol=1e-5)
    scaled = first * np.arange(1, 7, dtype=np.float32)[:, None]
    np.testing.assert_allclose(nt_xent(scaled, second, 0.3), value, rtol=1e-5)
    np.testing.assert_allclose(
        info_nce(scaled, second, 0.3), info_nce(first, second, 0.3), rtol=1e-5
    )


@pytest.mark.parametrize("loss", [info_nce, nt_xent])
def test_gradient_is_the_finite_difference(loss):
    first, second, direction = draw(4, 3), draw(4, 3), draw(4, 3) / 3.0
    gradient = jax.grad(lambda x: loss(x, second, 0.5))(first)
    step = 1e-2
    rise = loss(first + step * direction, second, 0.5) - loss(first - step * direction, second, 0.5)
    np.testing.assert_allclose(np.sum(gradient * direction), rise / (2 * step), rtol=1e-2)


def test_zero_and_half_precision_embeddings_stay_finite():
    zeros = jnp.zeros((4, 3))
    for loss in (info_nce, nt_xent):
        value, gradient = jax.value_and_grad(lambda x, loss=loss: loss(x, zeros, 0.1))(zeros)
        assert np.isfinite(value) and np.isfinite(gradient).all()
    assert normalize(jnp.ones((2, 3), jnp.bfloat16)).dtype == jnp.float32
