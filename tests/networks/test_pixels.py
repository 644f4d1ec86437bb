import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.pixels import normalize_images, restore_images
from tests.refusals import refuses


@pytest.mark.parametrize("mean, std", [((0.5,), (0.25,)), ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))])
def test_normalises_each_channel_and_back(mean, std):
    images = np.random.default_rng(0).uniform(size=(2, 3, 4, 3)).astype(np.float32)
    expected = np.stack(
        [(images[..., c] - mean[c % len(mean)]) / std[c % len(std)] for c in range(3)], -1
    )
    normalized = normalize_images(jnp.asarray(images), mean, std)
    np.testing.assert_allclose(normalized, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(restore_images(normalized, mean, std), images, rtol=1e-6, atol=1e-7)


def test_one_value_or_one_for_each_channel():
    with refuses("mean and std", (0.1, 0.2, 0.3)):
        normalize_images(jnp.zeros((1, 2, 2, 1)), (0.1, 0.2, 0.3), (1.0,))
