"""Blur against torchvision's values."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.augment import gaussian_blur, random_blur

VECTORS = np.load(Path(__file__).with_name("vectors.npz"))
IMAGE = jnp.asarray(VECTORS["image"])


def test_blur_equals_torchvision():
    for (kernel, sigma), expected in zip(VECTORS["blurs"], VECTORS["blur"], strict=True):
        blurred = np.asarray(gaussian_blur(IMAGE, float(sigma), kernel=int(kernel)))
        assert np.isfinite(blurred).all()
        np.testing.assert_allclose(blurred, expected, atol=2e-6)


def test_the_border_is_a_mirror_on_all_sides():
    """A blur of the mirrored image, cut back, is the blur of the image."""
    kernel, reach = 5, 2
    padded = np.pad(VECTORS["image"], ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    inner = gaussian_blur(jnp.asarray(padded), 1.3, kernel=kernel)[reach:-reach, reach:-reach]
    np.testing.assert_allclose(gaussian_blur(IMAGE, 1.3, kernel=kernel), inner, atol=1e-6)


def test_width_is_uniform_and_an_image_may_stay_as_it_is():
    """The blur of one bright pixel gives its width away."""
    dot = jnp.zeros((9, 9, 1)).at[4, 4].set(1.0)
    keys = jax.random.split(jax.random.key(0), 2000)

    def one(key):
        return random_blur(key, dot, probability=0.7, sigma=(0.5, 2.0), kernel=3)

    views = np.asarray(jax.jit(jax.vmap(one))(keys))
    untouched = np.all(views == np.asarray(dot), axis=(1, 2, 3))
    assert abs(untouched.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 2000)
    centre, beside = views[~untouched, 4, 4, 0], views[~untouched, 4, 5, 0]
    sigma = np.sort(1 / np.sqrt(2 * np.log(centre / beside)))
    share = (sigma - 0.5) / 1.5
    expected = (np.arange(len(share)) + 0.5) / len(share)
    assert np.abs(share - expected).max() < 1.95 / np.sqrt(len(share))
