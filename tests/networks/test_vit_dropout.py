"""Dropout in a ViT: when, and at which places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.errors import InvalidRngError
from tiny_vit import evaluate, images, random_variables, tiny

from ssl_jax.networks import vit


def test_dropout_is_for_training_and_needs_its_key():
    network = tiny(dropout=0.5)
    variables = random_variables(network)
    apply = jax.jit(network.apply, static_argnames="train")

    def train(seed):
        return apply(variables, images(), train=True, rngs={"dropout": jax.random.key(seed)})

    np.testing.assert_array_equal(train(3), train(3))
    assert np.abs(train(3) - train(4)).max() > 0.01
    without = evaluate(tiny(), variables, images())
    np.testing.assert_array_equal(evaluate(network, variables, images()), without)
    with pytest.raises(InvalidRngError, match="dropout"):
        network.apply(variables, images(), train=True)


def test_places_of_dropout_in_a_block():
    block = vit.Block(heads=1, hidden=64, dropout=0.5)
    z = jax.random.normal(jax.random.key(0), (2, 8, 64))
    params = block.init(jax.random.key(1), z, train=False)["params"]
    nothing = {"kernel": jnp.zeros((64, 64)), "bias": jnp.zeros(64)}

    def added(params, train):
        return block.apply({"params": params}, z, train, rngs={"dropout": jax.random.key(2)}) - z

    # Once on what attention adds; twice on what the MLP adds if its second layer is the identity.
    for changes, kept in (
        ({"fc2": nothing}, 0.5),
        ({"proj": nothing, "fc2": {**nothing, "kernel": jnp.eye(64)}}, 0.25),
    ):
        whole = added({**params, **changes}, train=False)
        dropped = added({**params, **changes}, train=True)
        left = np.abs(dropped) > 1e-6
        np.testing.assert_allclose(dropped, np.where(left, whole / kept, 0.0), atol=1e-5)
        np.testing.assert_allclose(left.mean(), kept, atol=0.08)

    network = tiny(depth=0, dropout=0.5, pooling="mean")
    variables = random_variables(network)
    rngs = {"dropout": jax.random.key(0)}
    trained = network.apply(variables, images(), train=True, rngs=rngs)
    assert np.abs(trained - evaluate(network, variables, images())).max() > 0.01
