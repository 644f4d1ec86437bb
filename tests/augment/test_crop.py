"""Crops against torchvision's values, boxes against a port of torchvision's sampler."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.augment import Box, random_flip, resized_crop, sample_box

VECTORS = np.load(Path(__file__).with_name("vectors.npz"))
IMAGE = jnp.asarray(VECTORS["image"])


def crop_all(image, boxes, size, interpolation):
    def one(top, left, height, width):
        box = Box(top, left, height, width)
        return resized_crop(image, box, size=size, interpolation=interpolation)

    return np.asarray(jax.jit(jax.vmap(one))(*jnp.asarray(boxes).T))


@pytest.mark.parametrize("size", VECTORS["sizes"].tolist())
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_crop_then_resize_equals_torchvision(interpolation, size):
    views = crop_all(IMAGE, VECTORS["boxes"], size, interpolation)
    assert np.isfinite(views).all()
    np.testing.assert_allclose(views, VECTORS[f"{interpolation}_{size}"], atol=1e-5)


def test_pixels_outside_the_box_are_never_read():
    top, left, height, width = 5, 3, 6, 11
    outside = np.full(IMAGE.shape, np.float32(1e6))
    outside[top : top + height, left : left + width] = IMAGE[
        top : top + height, left : left + width
    ]
    for size in (4, 25):
        boxes = [(top, left, height, width)]
        seen = crop_all(IMAGE, boxes, size, "bilinear")
        np.testing.assert_array_equal(crop_all(jnp.asarray(outside), boxes, size, "bilinear"), seen)


def test_each_channel_is_resized_by_itself():
    five = jnp.concatenate([IMAGE, 1 - IMAGE[..., :2]], axis=-1)
    views = crop_all(five, VECTORS["boxes"], 8, "bicubic")
    np.testing.assert_allclose(views[..., :3], VECTORS["bicubic_8"], atol=1e-5)
    np.testing.assert_allclose(views[..., 3:], 1 - VECTORS["bicubic_8"][..., :2], atol=1e-5)


def torchvision_box(rng, height, width, scale, ratio):
    """RandomResizedCrop.get_params of torchvision, in its order of operations."""
    for _ in range(10):
        area = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return rng.integers(height - h + 1), rng.integers(width - w + 1), h, w
    h, w = height, width
    if width / height < ratio[0]:
        h = round(width / ratio[0])
    elif width / height > ratio[1]:
        w = round(height * ratio[1])
    return (height - h) // 2, (width - w) // 2, h, w


def sample(count, height, width, scale, ratio):
    keys = jax.random.split(jax.random.key(0), count)
    draw = jax.vmap(lambda key: sample_box(key, height, width, scale=scale, ratio=ratio))
    return np.stack(jax.jit(draw)(keys), axis=1)


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio"),
    [
        (32, 32, (0.08, 1.0), (3 / 4, 4 / 3)),
        (20, 40, (0.5, 1.0), (1 / 2, 3.0)),
        (40, 30, (0.95, 1.0), (1 / 2, 2.0)),  # draws often miss, and some fall back
    ],
)
def test_boxes_are_distributed_as_torchvision_draws_them(height, width, scale, ratio):
    count = 10000
    boxes = sample(count, height, width, scale, ratio)
    rng = np.random.default_rng(1)
    expected = np.array([torchvision_box(rng, height, width, scale, ratio) for _ in range(count)])
    for boxes_of in (boxes, expected):  # within the image
        assert boxes_of[:, :2].min() >= 0 and boxes_of[:, 2:].min() >= 1
        assert (boxes_of[:, 0] + boxes_of[:, 2]).max() <= height
        assert (boxes_of[:, 1] + boxes_of[:, 3]).max() <= width
    features = [
        lambda box: box[:, 0],
        lambda box: box[:, 1],
        lambda box: box[:, 2],
        lambda box: box[:, 3],
        lambda box: box[:, 2] * box[:, 3],
        lambda box: box[:, 3] / box[:, 2],
        lambda box: box[:, 0] / np.maximum(1, height - box[:, 2]),
    ]
    for feature in features:
        assert kolmogorov_smirnov(feature(boxes), feature(expected)) < 1.95 * math.sqrt(2 / count)


def kolmogorov_smirnov(a, b):
    """Largest distance of two empirical distributions; 1.95 sqrt(2 / n) is its 0.1 % level."""
    points = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(x), points, side="right") / len(x) for x in (a, b)]
    return np.abs(shares[0] - shares[1]).max()


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio", "box"),
    [
        (10, 11, (1.0, 1.0), (2.0, 3.0), (2, 0, 6, 11)),  # too narrow; 5.5 rounds to even
        (11, 10, (1.0, 1.0), (1 / 3, 1 / 2), (0, 2, 11, 6)),  # too wide
        (10, 20, (4.0, 4.0), (1.0, 3.0), (0, 0, 10, 20)),  # ratio within bounds: all of it
    ],
)
def test_a_central_box_where_no_draw_fits(height, width, scale, ratio, box):
    rng = np.random.default_rng(0)
    assert torchvision_box(rng, height, width, scale, ratio) == box
    np.testing.assert_array_equal(sample(5, height, width, scale, ratio), [box] * 5)


def test_flip_mirrors_left_and_right():
    always = random_flip(jax.random.key(0), IMAGE, probability=1.0)
    np.testing.assert_array_equal(always, VECTORS["image"][:, ::-1])
