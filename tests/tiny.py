"""An untrained encoder of 8-pixel images, by default a ResNet of one block."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.networks.backbone import make_backbone

NETWORK = {"name": "resnet18", "width": 4, "stages": (1,)}


def encoder(
    network: Mapping[str, Any] = NETWORK,
    *,
    image_size: int = 8,
    crop: float = 1.0,
    channels: int = 3,
    seed: int = 0,
) -> Encoder:
    backbone = make_backbone(**network)
    images = jnp.zeros((1, image_size, image_size, channels))
    init = jax.jit(lambda key: backbone.init(key, images, train=False))
    variables = {"batch_stats": {}, **init(jax.random.key(seed))}
    return Encoder(EncoderSpec({**network}, image_size, crop, channels), backbone, variables)
