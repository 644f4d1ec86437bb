"""An encoder of 8-pixel images and images that it can tell apart, both tiny and untrained."""

import jax
import numpy as np

from ssl_jax.data.dataset import Dataset
from ssl_jax.encoder import Description, Encoder
from ssl_jax.networks.backbone import make_backbone


def encoder(seed: int = 0) -> Encoder:
    network = {"name": "resnet18", "width": 4, "stages": (1,), "stem": "cifar"}
    backbone = make_backbone(**network)
    images = jax.numpy.zeros((1, 8, 8, 3))
    variables = backbone.init(jax.random.key(seed), images, train=False)
    return Encoder(Description(network, 8, 1.0, 3), backbone, dict(variables))


def coloured(size: int, *, classes: int, seed: int = 0) -> Dataset:
    """Noisy images, every class with a colour of its own; classes in turn."""
    rng = np.random.default_rng(seed)
    corners = np.array([[8, 4, 2, 1], [1, 8, 4, 2], [2, 1, 8, 4]]).T  # a class a row
    labels = (np.arange(size) % classes).astype(np.int32)
    images = corners[labels][:, None, None] * 25 + rng.integers(-20, 21, (size, 8, 8, 3))
    names = tuple(f"class {index}" for index in range(classes))
    return Dataset(np.clip(images, 0, 255).astype(np.uint8), labels, names)
