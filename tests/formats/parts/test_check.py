import dataclasses
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.formats.parts.check import difference, numpy_features
from ssl_jax.networks.state_dicts import from_state_dict, to_state_dict
from tests.formats.encoders import RESNET, VIT, make

CASES = {
    "imagenet": partial(make, {**RESNET, "stem": "imagenet"}, image_size=33),
    "bottleneck": partial(make, {**RESNET, "name": "resnet50", "stem": "small"}),
    "cifar": partial(make, {**RESNET, "stem": "cifar", "stem_padding": 2}, image_size=11),
    "grey": partial(make, {**RESNET, "mean": (0.5,)}, channels=1),
    "class": partial(make, VIT),
    "mean": partial(make, {**VIT, "pooling": "mean", "positions": "learned"}),
    "learned": partial(make, {**VIT, "positions": "learned"}),
}


@pytest.mark.parametrize("case", CASES)
def test_numpy_computes_from_a_state_dict_what_the_network_does(case):
    encoder = CASES[case]()
    size, channels = encoder.description.image_size, encoder.description.channels
    images = np.random.default_rng(1).random((2, size, size, channels), np.float32)
    expected = np.asarray(encoder.encode(jnp.asarray(images)))
    state_dict = to_state_dict(encoder.backbone, encoder.variables, image_size=size)
    features = numpy_features(state_dict, images, encoder.backbone)
    assert expected.std() > 0.01
    assert difference(features, expected) < 1e-5
    # And back.
    variables = from_state_dict(encoder.backbone, state_dict)
    again = dataclasses.replace(encoder, variables=variables)
    np.testing.assert_array_equal(again.encode(jnp.asarray(images)), expected)


def test_difference():
    expected = np.asarray([[1.0, -4.0], [2.0, 0.0]])
    assert difference(expected + [[0.0, 1.0], [-0.5, 0.0]], expected) == 0.25
    for bad in (np.nan, np.inf):
        assert np.isnan(difference(expected + bad, expected))
        assert np.isnan(difference(expected, expected + bad))
