"""The comparison of features and the description of images that all formats share."""

import numpy as np
import pytest

from ssl_jax.formats.parts.check import difference
from ssl_jax.formats.parts.images import example, normalization, preparation, prepared, statistics
from tests.formats.encoders import RESNET, VIT, make


def test_the_difference_is_relative_to_the_largest_expected_value():
    expected = np.array([[1.0, -4.0], [2.0, 0.0]], np.float32)
    assert difference(expected, expected) == 0.0
    assert difference(expected + np.float32([[0.0, 0.0], [-0.5, 0.25]]), expected) == 0.125


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_difference_of_values_that_are_not_finite_is_nan(value):
    finite, other = np.ones((1, 2), np.float32), np.array([[1.0, value]], np.float32)
    assert np.isnan(difference(other, finite)) and np.isnan(difference(finite, other))


def test_a_statistic_of_all_channels_is_repeated():
    assert statistics(make(RESNET)) == ([0.5, 0.4, 0.3], [0.2, 0.2, 0.2])
    assert statistics(make(VIT)) == ([0.5, 0.5, 0.5], [0.2, 0.25, 0.3])


def test_the_example_is_always_the_same_and_has_the_input_side():
    encoder = make(RESNET, crop=0.8, channels=3)
    images = example(encoder)
    assert images.shape == (2, 20, 20, 3) and 0 <= images.min() < images.max() <= 1
    np.testing.assert_array_equal(images, example(encoder))
    assert prepared(encoder, images).shape == (2, 16, 16, 3)


def test_the_description_names_crop_size_and_statistics():
    assert "central square resized to 16 x 16" in preparation(make(RESNET))
    assert "central 0.8 of the shorter side resized" in preparation(make(RESNET, crop=0.8))
    line = "mean [0.5, 0.4, 0.3] and std [0.2, 0.2, 0.2]"
    assert normalization(make(RESNET)).endswith(line)
