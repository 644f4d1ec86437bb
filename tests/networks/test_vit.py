"""The ViT against a float64 reference; its parameters, their initial values and gradients."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from tiny_vit import evaluate, images, random_variables, shapes, tiny
from vit_reference import reference

from ssl_jax.networks import vit
from tests.refusals import refuses


@pytest.mark.parametrize("pooling", ["class", "mean"])
@pytest.mark.parametrize("positions", ["sincos", "learned"])
def test_features_are_those_of_a_float64_reference(positions, pooling):
    network = tiny(positions=positions, pooling=pooling)
    variables = random_variables(network)
    features = evaluate(network, variables, images())
    expected = reference(network, variables["params"], images())
    assert np.isfinite(expected).all() and expected.std() > 0.1
    assert features.shape == (2, network.features) and features.dtype == jnp.float32
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_inside():
    network = vit.VisionTransformer(patch_size=4, width=64, depth=2, heads=2)
    variables = jax.jit(partial(network.init, train=True))(jax.random.key(0), images())
    full = evaluate(network, variables, images())
    half = evaluate(network.clone(dtype=jnp.bfloat16), variables, images())
    assert half.dtype == jnp.float32
    assert 1e-4 < np.abs(half - full).max() < 0.05
    stored = shapes(network.clone(dtype=jnp.bfloat16))
    assert {a.dtype for a in jax.tree.leaves(stored)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(
    "name, width, known",
    [("vit_tiny", 192, 5_524_416), ("vit_small", 384, 21_665_664), ("vit_base", 768, 85_798_656)],
)
def test_parameter_counts_are_the_known_ones(name, width, known):
    network = getattr(vit, name)(positions="learned")
    count = sum(a.size for a in jax.tree.leaves(shapes(network, 224, 224)))
    embedding = 16 * 16 * 3 * width + width + width + 197 * width
    block = 2 * 2 * width + 4 * (width * width + width) + 2 * 4 * width * width + 5 * width
    assert count == known == embedding + 12 * block + 2 * width


def test_parameters_start_as_in_moco_v3():
    network = vit.VisionTransformer(
        patch_size=8, width=64, depth=1, heads=4, positions="learned", mlp_ratio=2.0
    )
    x = jnp.zeros((1, 64, 64, 3))
    params = flatten_dict(jax.jit(partial(network.init, train=True))(jax.random.key(0), x), sep="/")
    xavier = {
        "params/patch_projection/kernel": (8 * 8 * 3, 64),
        "params/block0/qkv/kernel": (64, 64),
        "params/block0/proj/kernel": (64, 64),
        "params/block0/fc1/kernel": (64, 128),
        "params/block0/fc2/kernel": (128, 64),
    }
    for name, fans in xavier.items():
        bound = math.sqrt(6 / sum(fans))
        assert 0.98 * bound < np.abs(params[name]).max() <= bound, name
        np.testing.assert_allclose(params[name].std(), bound / math.sqrt(3), rtol=0.03)
    np.testing.assert_allclose(params["params/class_token"].std(), 1e-6, rtol=0.3)
    np.testing.assert_allclose(params["params/class_position"].std(), 0.02, rtol=0.3)
    np.testing.assert_allclose(params["params/positions"].std(), 0.02, rtol=0.1)
    # Weights, and they alone, have more than one axis: `optimizers.is_kernel` relies on it.
    tables = {name for name, a in params.items() if a.ndim > 1}
    assert tables == set(xavier) | {"params/positions"}


def test_all_parameters_learn():
    network = tiny(positions="learned")
    params = random_variables(network)["params"]

    def loss(params):
        features = network.apply({"params": params}, images(), train=False)
        return jnp.sum(features * jnp.arange(16.0).reshape(2, 8) ** 2)

    gradient = flatten_dict(jax.jit(jax.grad(loss))(params), sep="/")
    for name, value in gradient.items():
        assert np.isfinite(value).all() and np.abs(value).max() > 1e-4, name


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [
        ("patch_size", 5, "patch_size"),
        ("heads", 3, "heads"),
        ("width", 6, "width"),
        ("positions", "rotary", "positions"),
        ("pooling", "max", "pooling"),
        ("mean", (0.1, 0.2), "mean and std"),
    ],
)
def test_errors_of_the_user(key, value, refused):
    with refuses(refused, value):
        shapes(tiny(**{key: value}))
