"""Random numbers on the host against those of jax."""

import jax
import numpy as np

from ssl_jax.data.threefry import fold_in, uniform

KEY = jax.random.key(2**31 + 17)
WORDS = np.asarray(jax.random.key_data(KEY))


def test_keys_are_those_of_jax():
    indices = np.array([0, 1, 5, 2**31 - 1], np.int32)
    expected = jax.vmap(jax.random.fold_in, (None, 0))(KEY, indices)
    keys = fold_in(WORDS, indices)
    np.testing.assert_array_equal(keys, jax.random.key_data(expected))
    split = jax.random.key_data(jax.random.split(KEY, 7))
    np.testing.assert_array_equal(fold_in(WORDS, np.arange(7)), split)
    # Keys and numbers broadcast.
    pairs = fold_in(keys[:, None], np.arange(3))
    np.testing.assert_array_equal(pairs[2, 1], fold_in(keys[2], 1))


def test_uniform_numbers_are_those_of_jax():
    expected = jax.random.uniform(KEY, (22,))
    np.testing.assert_array_equal(uniform(WORDS, 22), expected)
    keys = jax.random.split(KEY, 6).reshape(2, 3)
    expected = jax.vmap(jax.vmap(lambda key: jax.random.uniform(key, (5,))))(keys)
    numbers = uniform(np.asarray(jax.random.key_data(keys)), 5)
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers, expected)


def test_a_coin_is_tossed_as_bernoulli_does():
    keys = jax.random.split(KEY, 200)
    expected = jax.vmap(lambda key: jax.random.bernoulli(key, 0.3))(keys)
    # A scalar draw is the first of a vector.
    tossed = uniform(np.asarray(jax.random.key_data(keys)), 1)[:, 0] < np.float32(0.3)
    np.testing.assert_array_equal(tossed, expected)
