import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.patches import patchify, unpatchify
from tests.refusals import refuses


def test_patches_follow_a_loop_written_by_hand():
    images = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
    expected = np.zeros((2, 6, 12), np.float32)
    for n in range(2):
        for row in range(3):
            for column in range(2):
                values = []
                for y in range(2):
                    for x in range(2):
                        values += list(images[n, 2 * row + y, 2 * column + x])
                expected[n, 2 * row + column] = values
    np.testing.assert_array_equal(patchify(jnp.asarray(images), 2), expected)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_unpatchify_is_the_inverse(size):
    images = jnp.asarray(np.random.default_rng(1).normal(size=(3, 8, 4, 5)))
    np.testing.assert_array_equal(unpatchify(patchify(images, size), size, 8, 4), images)


def test_size_must_divide_the_image():
    with refuses("patch_size", 3):
        patchify(jnp.zeros((1, 6, 4, 3)), 3)
    with refuses("patch_size", 4):
        unpatchify(jnp.zeros((1, 1, 48)), 4, 6, 4)
