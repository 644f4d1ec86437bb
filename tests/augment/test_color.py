"""Colour operations against torchvision's values; the draws of colour jitter."""

import itertools
import math
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.augment import color
from ssl_jax.augment.color import Jitter, color_jitter, sample_jitter

VECTORS = np.load(Path(__file__).with_name("vectors.npz"))
IMAGE = jnp.asarray(VECTORS["image"])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("brightness", "factors"),
        ("contrast", "factors"),
        ("saturation", "factors"),
        ("hue", "shifts"),
    ],
)
def test_adjustments_equal_torchvision(name, arguments):
    adjust = jax.jit(getattr(color, f"adjust_{name}"))
    for argument, expected in zip(VECTORS[arguments], VECTORS[name], strict=True):
        changed = np.asarray(adjust(IMAGE, jnp.asarray(argument)))
        assert np.isfinite(changed).all()
        np.testing.assert_allclose(changed, expected, atol=1e-5)


def test_greyscale_and_solarize_equal_torchvision():
    np.testing.assert_allclose(color.greyscale(IMAGE), VECTORS["greyscale"], atol=1e-6)
    for threshold, expected in zip(VECTORS["thresholds"], VECTORS["solarize"], strict=True):
        solarized = color.solarize(IMAGE, float(threshold))
        np.testing.assert_allclose(solarized, expected, atol=1e-6)


def test_values_at_the_threshold_are_inverted():
    image = jnp.array([0.0, 0.25, 0.5, 1.0]).reshape(2, 2, 1)
    expected = np.array([0.0, 0.75, 0.5, 0.0]).reshape(2, 2, 1)
    np.testing.assert_array_equal(color.solarize(image, 0.25), expected)


def test_contrast_of_other_channel_counts_uses_the_mean():
    one = IMAGE[..., :1]
    for factor, expected in zip(VECTORS["factors"], VECTORS["contrast_one_channel"], strict=True):
        changed = color.adjust_contrast(one, jnp.asarray(factor))
        np.testing.assert_allclose(changed, expected, atol=1e-5)
    five = np.concatenate([VECTORS["image"], VECTORS["image"][..., :2] / 2], axis=-1)
    expected = np.clip(0.6 * five + 0.4 * five.mean(dtype=np.float64), 0, 1)
    changed = color.adjust_contrast(jnp.asarray(five), 0.6)
    np.testing.assert_allclose(changed, expected, atol=1e-6)


def test_jitter_in_every_order_equals_torchvision(monkeypatch):
    """Orders of (brightness, contrast, saturation, hue) = (0, 1, 2, 3), each forced in turn."""
    factors, shift = VECTORS["jitter"][:3], VECTORS["jitter"][3]
    orders = VECTORS["orders"]
    jitters = Jitter(
        factors=jnp.broadcast_to(factors, (24, 3)),
        order=jnp.array([[op for op in order if op != 3] for order in orders]),
        before=jnp.argmax(jnp.asarray(orders) == 3, axis=1),
        shift=jnp.full(24, shift),
    )

    def jittered(jitter):
        monkeypatch.setattr(color, "sample_jitter", lambda *_: jitter)
        strength = dict(brightness=0.5, contrast=0.5, saturation=0.7, hue=0.1)
        return color_jitter(jax.random.key(0), IMAGE[:8, :8], probability=1.0, **strength)

    views = np.asarray(jax.jit(jax.vmap(jittered))(jitters))
    assert np.isfinite(views).all()
    np.testing.assert_allclose(views, VECTORS["jittered"], atol=3e-5)
    different = {view.round(3).tobytes() for view in VECTORS["jittered"]}
    assert len(different) > 12  # the orders can be told apart


@pytest.mark.parametrize(
    "strength",
    [dict(brightness=0.4, contrast=0.4), dict(contrast=0.4, hue=0.1), dict(hue=0.1)],
    ids=["no hue", "one blend", "hue alone"],
)
def test_jitter_leaves_out_what_has_strength_zero(strength):
    """Against the single operations, applied in the order that was drawn."""
    names = [name for name in strength if name != "hue"]
    strengths = tuple(strength[name] for name in names)
    hue = strength.get("hue", 0.0)
    keys = jax.random.split(jax.random.key(3), 8)
    views = jax.jit(jax.vmap(lambda key: color_jitter(key, IMAGE, probability=1.0, **strength)))
    for key, view in zip(keys, views(keys), strict=True):
        jitter = sample_jitter(jax.random.split(key)[1], strengths, hue)
        steps = [
            partial(getattr(color, f"adjust_{names[op]}"), factor=jitter.factors[op])
            for op in jitter.order.tolist()
        ]
        if hue:
            steps.insert(int(jitter.before), partial(color.adjust_hue, shift=jitter.shift))
        expected = IMAGE
        for step in steps:
            expected = step(expected)
        np.testing.assert_allclose(view, expected, atol=1e-5)


def test_jitter_draws_every_order_equally_often_and_factors_uniformly():
    count, strengths, hue = 24000, (0.4, 0.8, 1.5), 0.1
    draw = jax.jit(jax.vmap(lambda key: sample_jitter(key, strengths, hue)))
    jitter = jax.tree.map(np.asarray, draw(jax.random.split(jax.random.key(1), count)))

    orders = {order: i for i, order in enumerate(itertools.permutations(range(3)))}
    index = [orders[tuple(order)] for order in jitter.order.tolist()]
    counts = np.bincount(np.array(index) * 4 + jitter.before, minlength=24)
    assert len(counts) == 24
    chi_squared = np.sum((counts - count / 24) ** 2) / (count / 24)
    assert chi_squared < 49.7  # 0.1 % level, 23 degrees of freedom

    draws = [*jitter.factors.T, jitter.shift]
    bounds = [(0.6, 1.4), (0.2, 1.8), (0.0, 2.5), (-0.1, 0.1)]
    for values, (low, high) in zip(draws, bounds, strict=True):
        assert low <= values.min() and values.max() <= high
        share = np.sort((values - low) / (high - low))
        distance = np.abs(share - (np.arange(count) + 0.5) / count).max()
        assert distance < 1.95 / math.sqrt(count)  # Kolmogorov-Smirnov, 0.1 % level
