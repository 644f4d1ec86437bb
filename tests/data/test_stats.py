"""Channel statistics against those of NumPy."""

import numpy as np

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.statistics import channel_statistics


def images_with_a_trend(count):
    rng = np.random.default_rng(0)
    trend = np.linspace(0, 200, count)[:, None, None, None]
    return (rng.integers(0, 56, (count, 3, 5, 2)) + trend * np.array([1, 0.5])).astype(np.uint8)


def test_mean_and_deviation_over_all_pixels():
    images = images_with_a_trend(600)  # more than one chunk, the last one smaller
    mean, deviation = channel_statistics(Dataset(images, None, ()))
    pixels = images.reshape(-1, 2).astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(deviation, pixels.std(0), rtol=1e-9)


def test_a_large_set_is_sampled_evenly():
    images = images_with_a_trend(600)
    mean, deviation = channel_statistics(Dataset(images, None, ()), at_most=100)
    pixels = images[::6].reshape(-1, 2).astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(deviation, pixels.std(0), rtol=1e-9)


def test_the_deviation_of_a_constant_channel_is_zero():
    mean, deviation = channel_statistics(Dataset(np.full((7, 3, 3, 1), 77, np.uint8), None, ()))
    np.testing.assert_allclose(mean, (77 / 255,), rtol=1e-12)
    np.testing.assert_allclose(deviation, (0.0,), atol=1e-7)
