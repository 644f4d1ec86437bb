"""Views as a whole: what is done, in which order, to which image, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax import augment
from ssl_jax.augment import ViewSpec, make_augment, to_float
from tests.refusals import refuses

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 12, 10, 3), dtype=np.uint8)
KEYS = jax.random.split(jax.random.key(7), 6)
JITTER = dict(jitter_probability=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
FULL = ViewSpec(size=9, copies=2, grey=0.2, blur=0.5, solarize=0.2, **JITTER)
SMALL = ViewSpec(size=5, crop_scale=(0.05, 0.3), interpolation="bicubic")
PLAIN = ViewSpec(size=10, crop_probability=0.0, flip=0.0)


def views_of(specs, images=IMAGES, keys=KEYS):
    images = jnp.asarray(images)
    return [
        np.asarray(view) for view in jax.jit(make_augment(specs, images.shape[1:]))(keys, images)
    ]


def test_one_view_per_copy_in_order_all_different():
    views = views_of([FULL, SMALL])
    assert [view.shape for view in views] == [(6, 9, 9, 3), (6, 9, 9, 3), (6, 5, 5, 3)]
    for view in views:
        assert view.dtype == np.float32 and np.isfinite(view).all()
        assert view.min() >= 0 and view.max() <= 1
    assert np.abs(views[0] - views[1]).max(axis=(1, 2, 3)).min() > 0.01
    separate = views_of([FULL._replace(copies=1), FULL._replace(copies=1), SMALL])
    for view, other in zip(views, separate, strict=True):
        np.testing.assert_allclose(view, other, atol=1e-6)


def test_a_view_depends_on_its_image_and_key_alone():
    together = views_of([FULL])
    for part in (np.array([4, 1, 3]), np.array([2])):
        for view, other in zip(together, views_of([FULL], IMAGES[part], KEYS[part]), strict=True):
            np.testing.assert_allclose(view[part], other, atol=1e-6)


def test_operations_of_probability_zero_are_not_traced():
    square = jnp.asarray(IMAGES[:, :10])
    (view,) = views_of([PLAIN], square)
    np.testing.assert_allclose(view, np.asarray(square) / 255, atol=1e-7)

    def primitives(spec):
        return str(jax.make_jaxpr(make_augment([spec], (10, 10, 3)))(KEYS, square))

    assert "random_bits" not in primitives(PLAIN) and "dot_general" not in primitives(PLAIN)
    assert primitives(PLAIN._replace(crop_probability=0.5)).count("dot_general") == 1
    assert primitives(PLAIN._replace(blur=0.5)).count("dot_general") == 2
    assert primitives(PLAIN._replace(hue=0.1)) == primitives(PLAIN)  # jitter_probability is 0


def test_order_of_the_operations():
    spec = PLAIN._replace(
        size=7, flip=1.0, grey=1.0, blur=1.0, blur_sigma=(0.8, 0.8), solarize=1.0,
        jitter_probability=1.0, brightness=1.5,
    )  # fmt: skip
    (view,) = views_of([spec])
    key = jax.random.split(jax.random.fold_in(KEYS[0], 0), 7)[3]
    image = to_float(jnp.asarray(IMAGES[0]))
    image = augment.resized_crop(image, augment.Box(*map(jnp.array, (0, 0, 12, 10))), size=7)
    image = augment.color_jitter(key, image[:, ::-1], probability=1.0, brightness=1.5)
    image = augment.gaussian_blur(augment.greyscale(image), 0.8, kernel=3)
    np.testing.assert_allclose(view[0], augment.solarize(image, 0.5), atol=1e-5)


def test_colours_first_see_the_whole_image():
    # Contrast blends with the mean: 1/2 of a half black, half white image, but 0 or 1 of a crop
    # that lies in one half, which it then leaves as it is.
    halves = np.zeros((64, 12, 12, 1), np.uint8)
    halves[:, :, 6:] = 255
    keys = jax.random.split(jax.random.key(3), 64)
    spec = PLAIN._replace(crop_probability=1.0, crop_scale=(0.04, 0.1))
    spec = spec._replace(jitter_probability=1.0, contrast=0.8)
    for first, unchanged in ((False, True), (True, False)):
        (views,) = views_of([spec._replace(colours_first=first)], halves, keys)
        even = views[np.ptp(views, axis=(1, 2, 3)) < 1e-6][:, 0, 0, 0]
        assert len(even) > 20
        assert np.isin(even.round(5), (0.0, 1.0)).all() == unchanged


def test_crop_or_jitter_never_both():
    spec = PLAIN._replace(crop_probability=0.5, crop_scale=(0.1, 0.3))
    keys = jax.random.split(jax.random.key(0), 200)
    images = np.broadcast_to(IMAGES[:1, :10], (200, 10, 10, 3))
    (geometry,) = views_of([spec], images, keys)
    colours = dict(crop_or_jitter=True, jitter_probability=1.0, brightness=0.4)
    (view,) = views_of([spec._replace(**colours)], images, keys)
    whole = np.abs(geometry - images / 255).max(axis=(1, 2, 3)) < 1e-6
    jittered = np.abs(view - geometry).max(axis=(1, 2, 3)) > 1e-6
    assert 70 < whole.sum() < 130
    np.testing.assert_array_equal(jittered, whole)


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        (dict(crop_probability=0.3, crop_scale=(0.1, 0.3)), 0.3),
        (dict(flip=0.7), 0.7),
        (dict(jitter_probability=0.4, brightness=0.4), 0.4),
        (dict(grey=0.2), 0.2),
        (dict(blur=0.6, blur_sigma=(0.5, 2.0)), 0.6),
        (dict(solarize=0.1), 0.1),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_how_often_each_operation_is_done(changes, share):
    count = 1000
    image = np.random.default_rng(1).integers(0, 256, (1, 4, 4, 3), dtype=np.uint8)
    images = np.broadcast_to(image, (count, 4, 4, 3))
    spec = PLAIN._replace(size=4, **changes)
    (view,) = views_of([spec], images, jax.random.split(jax.random.key(2), count))
    changed = np.abs(view - images / 255).max(axis=(1, 2, 3)) > 1e-5
    assert abs(changed.mean() - share) < 4 * np.sqrt(share * (1 - share) / count)


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channel_counts(channels):
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, channels), dtype=np.uint8)
    spec = ViewSpec(
        size=6, jitter_probability=1.0, brightness=0.4, contrast=0.4, blur=0.5, solarize=0.5
    )
    (view,) = views_of([spec], images)
    assert view.shape == (6, 6, 6, channels) and np.isfinite(view).all()


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("grey", dict(grey=0.2)),
        ("hue", dict(jitter_probability=0.8, hue=0.1)),
        ("saturation", dict(jitter_probability=0.8, saturation=0.4)),
        ("size", dict(size=0)),
        ("copies", dict(copies=0)),
        ("flip", dict(flip=1.5)),
        ("crop_scale", dict(crop_scale=(0.5, 0.2))),
        ("crop_scale", dict(crop_scale=(0.5, 2.0))),
        ("crop_ratio", dict(crop_ratio=(0.0, 2.0))),
        ("interpolation", dict(interpolation="area")),
        ("contrast", dict(contrast=-1.0)),
        ("hue", dict(hue=0.6)),
        ("blur_kernel", dict(blur=0.5, blur_kernel=4)),
        ("blur_kernel", dict(blur=0.5, blur_kernel=21)),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(key, changes):
    with refuses(f"view1.{key}", changes[key]):
        make_augment([PLAIN, PLAIN._replace(**changes)], (10, 10, 1))


def test_jitter_strengths_without_a_probability_need_no_rgb():
    make_augment([PLAIN._replace(hue=0.1, saturation=0.4)], (10, 10, 1))


@pytest.mark.parametrize(("size", "kernel"), [(224, 23), (96, 9), (64, 7), (32, 3), (8, 3)])
def test_default_blur_kernel_is_a_tenth_of_the_size_made_odd(size, kernel):
    def program(**fields):
        spec = ViewSpec(size=size, blur=0.5, **fields)
        images = jnp.zeros((6, 8, 8, 1), jnp.uint8)
        return str(jax.make_jaxpr(make_augment([spec], (8, 8, 1)))(KEYS, images))

    assert program() == program(blur_kernel=kernel) != program(blur_kernel=kernel + 2)
