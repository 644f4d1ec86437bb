"""A tiny ViT with random parameters, and its images."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.networks import vit

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
HEIGHT, WIDTH = 12, 8
tiny = partial(
    vit.VisionTransformer,
    patch_size=4,
    width=8,
    depth=2,
    heads=2,
    mlp_ratio=1.5,
    mean=MEAN,
    std=STD,
)


def images(n=2, height=HEIGHT, width=WIDTH, channels=3):
    return jax.random.uniform(jax.random.key(1), (n, height, width, channels))


def shapes(network, height=HEIGHT, width=WIDTH):
    x = jax.ShapeDtypeStruct((2, height, width, 3), jnp.float32)
    return jax.eval_shape(partial(network.init, train=True), jax.random.key(0), x)


def random_variables(network):
    """Every parameter random, so that none can be missed."""
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda a: jnp.asarray(rng.normal(0.0, 0.5, a.shape), jnp.float32), shapes(network)
    )


def evaluate(network, variables, x):
    return jax.jit(partial(network.apply, train=False))(variables, x)
