"""Resizing on the host against Pillow's, whose filters torchvision uses."""

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data import resize as module
from ssl_jax.data.resize import resize

RNG = np.random.default_rng(0)
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@pytest.fixture(params=["installed", "Pillow alone"], autouse=True)
def library(request, monkeypatch):
    if request.param == "Pillow alone":
        monkeypatch.setattr(module, "fast", None)


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("shape", [(37, 53), (9, 11), (120, 31)])
def test_the_pixels_are_those_of_pillow(shape, interpolation):
    # Bicubic overshoots, and the two directions are clipped in either order: not here.
    low, high = (64, 192) if interpolation == "bicubic" else (0, 256)
    image = RNG.integers(low, high, (*shape, 3), dtype=np.uint8)
    expected = Image.fromarray(image).resize((24, 24), FILTERS[interpolation])
    found = resize(image, 24, interpolation=interpolation)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 1


def test_a_part_reaches_over_its_border():
    image = RNG.integers(64, 192, (30, 40, 3), dtype=np.uint8)
    expected = Image.fromarray(image).resize((8, 8), FILTERS["bicubic"], box=(5, 0, 35, 30))
    found = resize(image, 8, interpolation="bicubic", part=(5.0, 0.0, 30.0, 30.0))
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_each_channel_is_resized_by_itself(channels):
    image = RNG.integers(0, 256, (20, 30, channels), dtype=np.uint8)
    found = resize(image, 12)
    assert found.shape == (12, 12, channels)
    for channel in range(channels):
        expected = Image.fromarray(image[..., channel]).resize((12, 12), FILTERS["bilinear"])
        assert np.abs(found[..., channel].astype(int) - np.asarray(expected)).max() <= 1
