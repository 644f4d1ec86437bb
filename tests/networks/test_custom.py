"""A network of a user's own as a backbone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import make_backbone, option_problems
from tests.refusals import refuses

SOURCE = """
import flax.linen as nn
import jax.numpy as jnp


class Means(nn.Module):
    \"\"\"Means over the pixels, twice as large in training.\"\"\"
    width: int = 2

    @nn.compact
    def __call__(self, x, train):
        means = x.mean((1, 2)) * (2 if train else 1)
        return jnp.tile(means, self.width).astype(jnp.bfloat16)


class Plain(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(5)(x.reshape(len(x), -1))


class Map(nn.Module):
    def __call__(self, x):
        return x


class Raising(nn.Module):
    def __call__(self, x):
        raise ValueError("an odd size")


def function(x):
    return x
"""
IMAGES = np.random.default_rng(0).random((4, 6, 6, 3), np.float32)


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)


def features(network, *, train=False):
    variables = network.init(jax.random.key(0), jnp.asarray(IMAGES), train=False)
    return network.apply(variables, jnp.asarray(IMAGES), train=train)


@pytest.mark.parametrize("train", [False, True])
def test_it_sees_normalised_images_its_options_and_whether_it_trains(train):
    mean, std = (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
    network = make_backbone("my_networks.Means", width=3, mean=mean, std=std)
    found = features(network, train=train)
    expected = ((IMAGES.astype(np.float64) - mean) / std).mean((1, 2)) * (2 if train else 1)
    assert found.dtype == jnp.float32
    # The network rounds to bfloat16.
    np.testing.assert_allclose(found, np.tile(expected, 3), rtol=2**-7, atol=1e-3)


def test_it_need_not_know_whether_it_trains():
    assert features(make_backbone("my_networks.Plain")).shape == (4, 5)


def test_options_that_it_has_no_fields_for_are_refused():
    options = {"width": 7, "depth": 2, "stem": "cifar"}
    found = list(option_problems("my_networks.Plain", options))
    assert [(problem.key, problem.value) for problem in found] == [("width", 7), ("depth", 2)]
    with refuses("width", 7):
        make_backbone("my_networks.Plain", width=7)


def test_what_is_no_flax_module_is_refused():
    with refuses("name", "my_networks.function"):
        make_backbone("my_networks.function")


def test_what_it_raises_is_refused_with_the_line():
    with refuses("name", "my_networks.Raising") as caught:
        features(make_backbone("my_networks.Raising"))
    line = 1 + SOURCE.splitlines().index('        raise ValueError("an odd size")')
    assert f"my_networks.py, line {line}" in str(caught.value)


def test_features_that_are_no_rows_are_refused():
    with pytest.raises(UserError, match=r"my_networks\.Map must return features \[N, d\]"):
        features(make_backbone("my_networks.Map"))
