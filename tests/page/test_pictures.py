"""Pictures can be read back from their URIs."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from ssl_jax.page.pictures import atlas, data_uri, to_uint8


def decoded(uri):
    head, data = uri.split(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_small_images_are_kept_pixel_by_pixel(channels):
    image = np.random.default_rng(0).integers(0, 256, (7, 5, channels), np.uint8)
    expected = image[..., :3] if channels > 2 else image[..., 0]
    assert np.array_equal(decoded(data_uri(image)), expected)


def test_large_images_are_reduced():
    image = np.zeros((300, 600, 3), np.uint8)
    image[:, 300:] = 200
    found = decoded(data_uri(image))
    assert found.shape == (64, 128, 3)
    assert abs(int(found[32, 10, 0])) < 4 and abs(int(found[32, 120, 0]) - 200) < 4


@pytest.mark.parametrize("side", [6, 100])
def test_an_image_of_an_atlas_is_where_it_says(side):
    levels = 25 * np.arange(10)
    sheet = atlas(np.broadcast_to(levels[:, None, None, None], (10, side, side, 1)).astype("u1"))
    found = decoded(sheet.uri)
    for index, level in enumerate(levels):
        top, left = index // sheet.columns * sheet.height, index % sheet.columns * sheet.width
        part = found[top : top + sheet.height, left : left + sheet.width].astype(int)
        assert abs(part[2:-2, 2:-2] - level).max() < 4


def test_what_is_beyond_white_is_cut_off():
    views = np.array([-0.5, 0, 0.5, 1, 7, np.nan]).reshape(1, 1, 6, 1)
    assert to_uint8(views).ravel().tolist() == [0, 0, 128, 255, 255, 0]
