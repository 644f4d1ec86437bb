from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from tests.refusals import refuses

EPSILON = 1e-5

HEADS = {
    "SimCLR": dict(widths=(6, 6, 4), final_norm="scale", bias=False),
    "SimCLR without BatchNorm": dict(widths=(6, 4), norm="none"),
    "MoCo v3 projector": dict(widths=(6, 4), final_norm="plain", bias=False),
    "SimSiam predictor": dict(widths=(3, 4), bias=False, final_bias=True),
    "BYOL": dict(widths=(6, 4), final_bias=False),
    "MSBReg, layer": dict(widths=(6, 4), norm="layer", final_bias=False),
    "MSBReg, weights": dict(widths=(6, 4), norm="weight_standardization", final_bias=False),
    "all affine": dict(widths=(6, 4), final_norm="affine"),
    "one layer": dict(widths=(4,)),
}
# Parameters of each head for inputs of width 5: linear kernels and biases, a norm's both.
COUNTS = {
    "SimCLR": 5 * 6 + 12 + 6 * 6 + 12 + 6 * 4 + 4,
    "SimCLR without BatchNorm": 5 * 6 + 6 + 6 * 4 + 4,
    "MoCo v3 projector": 5 * 6 + 12 + 6 * 4,
    "SimSiam predictor": 5 * 3 + 6 + 3 * 4 + 4,
    "BYOL": 5 * 6 + 6 + 12 + 6 * 4,
    "MSBReg, layer": 5 * 6 + 6 + 12 + 6 * 4,
    "MSBReg, weights": 5 * 6 + 6 + 6 * 4,
    "all affine": 5 * 6 + 6 + 12 + 6 * 4 + 4 + 8,
    "one layer": 5 * 4 + 4,
}


def inputs():
    return jax.random.normal(jax.random.key(2), (8, 5))


def random_variables(mlp, x):
    """Every leaf random, so that none of them is without effect."""
    tree = jax.eval_shape(partial(mlp.init, train=True), jax.random.key(0), x)
    rng = np.random.default_rng(1)
    draws = {
        "params": lambda a: jnp.asarray(rng.normal(size=a.shape), jnp.float32),
        "batch_stats": lambda a: jnp.asarray(rng.uniform(0.5, 1.5, a.shape), jnp.float32),
    }
    return {name: jax.tree.map(draw, tree.get(name, {})) for name, draw in draws.items()}


def reference(x, tree, train, standardized=False):
    """The layers that the parameters name, in order, in float64."""
    x, tree = jax.tree.map(lambda a: np.asarray(a, np.float64), (x, tree))
    params, stats = tree["params"], tree["batch_stats"]
    layers = sum(name.startswith("linear") for name in params)
    for i in range(1, layers + 1):
        linear = params[f"linear{i}"]
        kernel = linear["kernel"]
        if standardized and i < layers:
            centred = kernel - kernel.mean(0)
            kernel = centred / np.sqrt(centred.var(0) + EPSILON) / np.sqrt(len(kernel))
        x = x @ kernel + linear.get("bias", 0.0)
        if f"bn{i}" in stats:
            average, affine = stats[f"bn{i}"], params.get(f"bn{i}", {})
            mean, var = (x.mean(0), x.var(0)) if train else (average["mean"], average["var"])
            x = (x - mean) / np.sqrt(var + EPSILON)
            x = x * affine.get("scale", 1.0) + affine.get("bias", 0.0)
        if f"ln{i}" in params:
            x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + EPSILON)
            x = x * params[f"ln{i}"]["scale"] + params[f"ln{i}"]["bias"]
        if i < layers:
            x = np.maximum(x, 0.0)
    return x


@pytest.mark.parametrize("head", HEADS)
def test_heads_of_the_methods(head):
    mlp = MLP(**HEADS[head])
    x = inputs()
    tree = random_variables(mlp, x)
    by_hand = partial(reference, x, tree, standardized=mlp.norm == "weight_standardization")
    assert sum(a.size for a in jax.tree.leaves(tree["params"])) == COUNTS[head]
    trained, _ = mlp.apply(tree, x, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(trained, by_hand(train=True), rtol=1e-4, atol=1e-4)
    frozen = mlp.apply(tree, x, train=False)
    np.testing.assert_allclose(frozen, by_hand(train=False), rtol=1e-4, atol=1e-4)


def test_an_unknown_normalisation_is_refused():
    with refuses("head_norm", "group"):
        MLP((4,), norm="group").init(jax.random.key(0), inputs(), train=True)


def test_initialised_as_pytorch_does():
    mlp = MLP((300, 200), norm="none")
    params = mlp.init(jax.random.key(0), jnp.zeros((2, 400)), train=True)["params"]
    for layer, fan_in in (("linear1", 400), ("linear2", 300)):
        bound = fan_in**-0.5
        for leaf in params[layer].values():
            assert np.abs(leaf).max() <= bound
            # A uniform distribution within +-bound has this deviation.
            np.testing.assert_allclose(leaf.std(), bound / 3**0.5, rtol=0.1)
            np.testing.assert_allclose(leaf.mean(), 0.0, atol=0.1 * bound)


@pytest.mark.parametrize("final_norm", [None, "affine"])
def test_bfloat16_inside_float32_outside(final_norm):
    x = inputs()
    mlp = MLP((6, 4), final_norm=final_norm, dtype=jnp.bfloat16)
    tree = random_variables(mlp, x)
    assert all(a.dtype == jnp.float32 for a in jax.tree.leaves(tree))
    out = mlp.apply(tree, x, train=False)
    assert out.dtype == jnp.float32
    np.testing.assert_allclose(out, reference(x, tree, False), rtol=0.05, atol=0.1)
