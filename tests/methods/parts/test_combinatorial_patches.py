"""Patches, the combinations of their embeddings, and the loss on them, against loops."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.errors import UserError
from ssl_jax.losses import least_info_nce
from ssl_jax.methods.parts.combinatorial_patches import combine, combined_info_nce, divide
from tests.losses import loops
from tests.refusals import refuses


def test_the_patches_of_an_image_are_its_quarters_row_by_row():
    images = np.random.default_rng(0).random((3, 4, 6, 2), np.float32)
    patches = divide(jnp.asarray(images))
    assert patches.shape == (12, 2, 3, 2)
    for i, image in enumerate(images):
        quarters = [image[:2, :3], image[:2, 3:], image[2:, :3], image[2:, 3:]]
        np.testing.assert_array_equal(patches[4 * i : 4 * i + 4], quarters)


@pytest.mark.parametrize(("k", "count"), [(1, 4), (2, 6), (3, 4), (4, 1)])
def test_combined_embeddings_are_the_means_of_every_k_of_the_four(k, count):
    embeddings = np.random.default_rng(k).normal(size=(8, 3)).astype(np.float32)
    combined = combine(jnp.asarray(embeddings), k)
    assert combined.shape == (2, count, 3)
    for i in range(2):
        patches = embeddings[4 * i : 4 * i + 4].astype(np.float64)
        means = [sum(some) / k for some in combinations(patches, k)]
        np.testing.assert_allclose(combined[i], means, rtol=1e-5, atol=1e-6)


def test_the_loss_is_the_mean_over_combinations():
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 4))
    expected = np.mean([loops.info_nce(queries[:, c], keys, 0.3) for c in range(3)])
    value = combined_info_nce(jnp.asarray(queries), jnp.asarray(keys), 0.3)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_no_embeddings_are_below_the_least_info_nce_and_a_simplex_reaches_it():
    n, temperature = 6, 0.7
    least = least_info_nce(n, temperature)
    corners = np.eye(n) - 1 / n
    assert loops.info_nce(corners, corners, temperature) == pytest.approx(least, rel=1e-9)

    def loss(pair):
        unit = pair / jnp.linalg.norm(pair, axis=-1, keepdims=True)
        return combined_info_nce(unit[0][:, None], unit[1], temperature)

    # Descending from anywhere ends just above it.
    start = jax.random.normal(jax.random.key(0), (2, n, n))
    step = jax.grad(loss)
    end = jax.jit(lambda x: jax.lax.fori_loop(0, 200, lambda _, x: x - 3.0 * step(x), x))(start)
    assert least - 1e-6 < loss(end) < least + 0.02
    assert least_info_nce(1, temperature) == 0.0


def test_what_cannot_be_divided_or_combined_says_so():
    with pytest.raises(UserError, match="views of 4 x 5 pixels cannot be divided"):
        divide(jnp.zeros((1, 4, 5, 1)))
    for k in (0, 5):
        with refuses("k", k):
            combine(jnp.zeros((4, 2)), k)
