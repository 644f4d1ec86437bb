"""Encoders with random variables and statistics, so that a mix-up would show."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.networks.backbone import make_backbone

RESNET = {"name": "resnet18", "width": 4, "stages": (1, 2), "mean": (0.5, 0.4, 0.3), "std": (0.2,)}
VIT = {"name": "vit", "width": 8, "depth": 2, "heads": 2, "patch_size": 4, "mlp_ratio": 1.5}
VIT |= {"mean": (0.5,), "std": (0.2, 0.25, 0.3)}


def make(network, image_size=16, crop=1.0, channels=3):
    description = EncoderSpec(network, image_size, crop, channels)
    backbone = make_backbone(**network)
    x = jax.ShapeDtypeStruct((2, image_size, image_size, channels), jnp.float32)
    shapes = jax.eval_shape(partial(backbone.init, train=False), jax.random.key(0), x)
    return Encoder(description, backbone, {"batch_stats": {}, **random_like(shapes)})


def random_like(shapes):
    """Activations of order one in every layer."""
    rng = np.random.default_rng(0)

    def values(path, leaf):
        name, fan_in = path[-1].key, np.prod(leaf.shape[:-1])
        value = rng.normal(size=leaf.shape)
        if name in ("scale", "var"):
            value = 1.0 + 0.2 * np.tanh(value)
        elif name == "kernel":
            value = value * (1.4 / fan_in) ** 0.5
        else:
            value = 0.3 * value
        return value.astype(np.float32)

    return jax.tree_util.tree_map_with_path(values, shapes)
