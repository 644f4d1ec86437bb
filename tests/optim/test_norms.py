"""Norms of many arrays at once against those of each in float64."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.optim.norms import VALUES_PER_ROW, global_norm, norms

ROW = VALUES_PER_ROW
SHAPES = [(3, 3, 5, 7), (1,), (ROW,), (ROW + 1,), (2, ROW), (64,), (3 * ROW - 1,)]


def arrays():
    rng = np.random.default_rng(0)
    # Scales apart, so that a value that fell to its neighbour would show.
    return [10.0 ** (i % 4) * rng.normal(size=shape) for i, shape in enumerate(SHAPES)]


def test_norms_are_those_of_each_array():
    expected = [np.sqrt(np.sum(array**2)) for array in arrays()]
    found = jax.jit(norms)([jnp.asarray(array, jnp.float32) for array in arrays()])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_global_norm_is_that_of_one_vector():
    expected = np.linalg.norm(np.concatenate([array.ravel() for array in arrays()]))
    found = global_norm([jnp.asarray(array, jnp.float32) for array in arrays()])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_sums_of_bfloat16_are_float32():
    ones = jnp.ones(5000, jnp.bfloat16)  # which a sum in bfloat16 would count as 256
    np.testing.assert_allclose(norms([ones]), [np.sqrt(5000)], rtol=1e-6)


def test_nothing_has_no_norms():
    assert norms([]).shape == (0,) and global_norm([]) == 0
