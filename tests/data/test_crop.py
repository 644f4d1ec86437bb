"""Crops on the host against torchvision's algorithm, Pillow, and the crops on the device."""

import io
import math

import jax
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from ssl_jax.augment import ViewSpec, make_augment
from ssl_jax.augment.crop import sample_box as sample_on_device
from ssl_jax.data.crop import Box, Crop, Crops, draw, make_views, sample_box, shrunk
from ssl_jax.data.decode import Opened, open_image

HEIGHT, WIDTH = 375, 500
SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
KEY = jax.random.key(11)
WORDS = np.asarray(jax.random.key_data(KEY))
RNG = np.random.default_rng(0)


def crop(size, **changes):
    return Crop(size, 1.0, SCALE, RATIO, "bilinear")._replace(**changes)


def noise(height, width, channels=3):
    pixels = RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Opened(height, width, lambda channels, reduction: pixels), pixels


def torchvision_box(rng, height, width, scale, ratio):
    """RandomResizedCrop.get_params as torchvision publishes it."""
    for _ in range(10):
        area = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return rng.integers(height - h + 1), rng.integers(width - w + 1), h, w
    if width / height < ratio[0]:
        h, w = round(width / ratio[0]), width
    elif width / height > ratio[1]:
        h, w = height, round(height * ratio[1])
    else:
        h, w = height, width
    return (height - h) // 2, (width - w) // 2, h, w


def test_boxes_of_whole_images_are_distributed_as_torchvision_draws_them():
    count = 5000
    draws = draw(Crops((crop(224),), WORDS), 0, np.arange(count))
    boxes = np.array([sample_box(row[0].tolist(), HEIGHT, WIDTH, crop(224)) for row in draws])
    rng = np.random.default_rng(1)
    expected = np.array(
        [torchvision_box(rng, HEIGHT, WIDTH, SCALE, RATIO) for _ in range(count)], float
    )
    assert boxes[:, :2].min() >= 0 and boxes[:, 2:].min() > 0
    assert (boxes[:, 0] + boxes[:, 2]).max() <= HEIGHT
    assert (boxes[:, 1] + boxes[:, 3]).max() == WIDTH  # not of a central square
    for feature in (
        *(lambda b, i=i: b[:, i] for i in range(4)),
        lambda b: b[:, 2] * b[:, 3],
        lambda b: b[:, 3] / b[:, 2],
        lambda b: b[:, 1] / np.maximum(1, WIDTH - b[:, 3]),
    ):
        assert stats.ks_2samp(feature(boxes), feature(expected)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio", "box"),
    [
        (10, 11, (1.0, 1.0), (2.0, 3.0), (2, 0, 6, 11)),  # too narrow; 5.5 rounds to even
        (11, 10, (1.0, 1.0), (1 / 3, 1 / 2), (0, 2, 11, 6)),  # too wide
        (10, 20, (4.0, 4.0), (1.0, 3.0), (0, 0, 10, 20)),  # ratio within bounds: all of it
    ],
)
def test_a_central_box_where_no_draw_fits(height, width, scale, ratio, box):
    assert torchvision_box(RNG, height, width, scale, ratio) == box
    view = crop(8, crop_scale=scale, crop_ratio=ratio)
    for row in draw(Crops((view,), WORDS), 3, np.arange(5)):
        assert sample_box(row[0].tolist(), height, width, view) == box


def test_boxes_are_those_of_the_device():
    count, view = 2000, crop(224)
    step_key = jax.random.split(jax.random.fold_in(KEY, 7))[1]
    keys = jax.vmap(jax.random.fold_in, (None, 0))(step_key, np.arange(count))

    @jax.jit
    @jax.vmap
    def on_device(key):
        key = jax.random.split(jax.random.fold_in(key, 1), 7)[1]
        return sample_on_device(key, HEIGHT, WIDTH, scale=SCALE, ratio=RATIO)

    expected = np.stack(on_device(keys), axis=1)
    draws = draw(Crops((view, view), WORDS), 7, np.arange(count))
    boxes = np.array([sample_box(row[1].tolist(), HEIGHT, WIDTH, view) for row in draws])
    differing = (boxes != expected).any(1)  # single precision rounds another way, rarely
    assert differing.mean() < 2e-3 and np.abs(boxes - expected).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_smallest_crop_has_the_pixels_that_torchvision_gives_it(channels):
    view = crop(224, crop_scale=(0.08, 0.08))
    image, pixels = noise(HEIGHT, WIDTH, channels)
    draws = draw(Crops((view,), WORDS), 0, np.array([4]))[0]
    top, left, height, width = sample_box(draws[0].tolist(), HEIGHT, WIDTH, view)
    assert height * width == pytest.approx(0.08 * HEIGHT * WIDTH, rel=0.01)
    (seen,) = make_views(image, Crops((view,), WORDS), draws, channels=channels)
    part = Image.fromarray(pixels.squeeze()).crop((left, top, left + width, top + height))
    expected = np.asarray(part.resize((224, 224), Image.Resampling.BILINEAR))
    assert np.abs(seen.astype(int) - expected.reshape(224, 224, channels)).max() <= 1


def test_views_of_any_sizes_are_cut_from_one_decoding():
    views = (crop(64), crop(24, crop_scale=(0.05, 0.2)), crop(24, interpolation="bicubic"))
    pixels, decodings = noise(120, 90)[1], []

    def decode(channels, reduction):
        decodings.append(reduction)
        return pixels

    crops = Crops(views, WORDS)
    draws = draw(crops, 2, np.array([9]))[0]
    seen = make_views(Opened(120, 90, decode), crops, draws, channels=3)
    assert decodings == [1]
    for view, row, result in zip(views, draws, seen, strict=True):
        top, left, height, width = sample_box(row.tolist(), 120, 90, view)
        part = Image.fromarray(pixels[top : top + height, left : left + width])
        kind = Image.Resampling[view.interpolation.upper()]
        expected = np.asarray(part.resize((view.size, view.size), kind)).astype(int)
        close = np.abs(result - expected) <= 1
        assert close.all() if view.interpolation == "bilinear" else close.mean() > 0.98


def jpeg(height, width):
    y, x = np.mgrid[0:height, 0:width] / 40
    waves = np.stack([np.sin(x), np.cos(y), np.sin(x + y)], axis=2) * 100 + 128
    buffer = io.BytesIO()
    Image.fromarray(waves.astype(np.uint8)).save(buffer, "jpeg", quality=95)
    return buffer.getvalue()


def test_a_reduced_scale_never_shrinks_a_crop_below_its_view():
    image = open_image(jpeg(600, 800))
    seen = []

    def decode(channels, reduction):
        seen.append(reduction)
        return image.decode(channels, reduction)

    crops = Crops((crop(64), crop(64)), WORDS)
    for index, draws in enumerate(draw(crops, 0, np.arange(30))):
        boxes = [sample_box(row.tolist(), 600, 800, crop(64)) for row in draws]
        reduced = make_views(Opened(600, 800, decode), crops, draws, channels=3)
        least = min(min(box.height, box.width) for box in boxes)
        assert least / seen[index] >= 64 > least / (2 * seen[index]) or seen[index] == 8
        full = Opened(600, 800, lambda channels, reduction: image.decode(channels, 1))
        for view, expected in zip(reduced, make_views(full, crops, draws, channels=3), strict=True):
            assert np.abs(view.astype(int) - expected).mean() < 2
    assert {2, 4} <= set(seen)


def test_an_image_that_is_kept_is_shrunk_with_its_aspect():
    image = open_image(jpeg(600, 800))
    small = shrunk(image, 128, channels=3)
    assert (small.height, small.width) == (128, 171) == small.decode(3, 4).shape[:2]
    expected = Image.fromarray(image.decode(3, 4)).resize((171, 128), Image.Resampling.BILINEAR)
    assert np.abs(small.decode(3, 1).astype(int) - np.asarray(expected)).max() <= 1
    whole = shrunk(image, 600, channels=3)
    np.testing.assert_array_equal(whole.decode(3, 1), image.decode(3, 1))


def test_an_image_that_is_not_cropped_is_resized_whole():
    view = crop(8, crop_probability=0.5)
    draws = draw(Crops((view,), WORDS), 0, np.arange(400))[:, 0]
    whole = [sample_box(row.tolist(), 30, 40, view) == Box(0, 0, 30, 40) for row in draws]
    assert 0.4 < np.mean(whole) < 0.6


@pytest.mark.parametrize("colours", [{}, {"jitter_probability": 0.8, "hue": 0.1, "blur": 0.5}])
def test_host_and_device_make_the_same_views(colours):
    """One augmentation on squares that both crop, one on views that the host has cropped."""
    specs = [ViewSpec(size=12, copies=2, **colours), ViewSpec(size=20, crop_probability=0.5)]
    images = RNG.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    indices = np.array([5, 0, 41, 7, 2, 3])
    augment = jax.jit(make_augment(specs, (16, 16, 3)))
    step_key = jax.random.split(jax.random.fold_in(KEY, 3))[1]
    keys = jax.vmap(jax.random.fold_in, (None, 0))(step_key, indices)
    expected = augment(keys, images)
    views = [crop(12), crop(12), crop(20, crop_probability=0.5)]
    crops = Crops(tuple(views), WORDS)
    rows = [
        make_views(
            Opened(16, 16, lambda channels, reduction, image=image: image), crops, row, channels=3
        )
        for image, row in zip(images, draw(crops, 3, indices), strict=True)
    ]
    cropped = tuple(np.stack(view) for view in zip(*rows, strict=True))
    for view, other in zip(augment(keys, cropped), expected, strict=True):
        assert view.shape == other.shape
        # The host rounds crops to grey levels, in both directions.
        np.testing.assert_allclose(view, other, atol=(1.5 if not colours else 4) / 255)
