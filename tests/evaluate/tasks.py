"""A task that costs a test little: a random encoder of one block, images of one colour a class."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax import sharding
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.encoder import Description, Encoder
from ssl_jax.evaluate.task import Task, make_task
from ssl_jax.networks.backbone import make_backbone

CLASSES = tuple("abcdefg")


def coloured(size: int, seed: int) -> Dataset:
    """8 x 8 images; the colours of classes overlap."""
    colours = np.random.default_rng(0).integers(0, 256, (len(CLASSES), 1, 1, 3))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), size)
    noise = rng.normal(0, 25, (size, 1, 1, 3)) + rng.normal(0, 5, (size, 8, 8, 3))
    images = np.clip(colours[labels] + noise, 0, 255).astype(np.uint8)
    return Dataset(images, labels.astype(np.int32), CLASSES)


def coloured_splits() -> Splits:
    """160 images to train with, 40 held out, 80 to test."""
    return Splits(coloured(160, 1), coloured(40, 2), coloured(80, 3))


def tiny_task(splits: Splits, *, crop: float = 1.0) -> Task:
    """Of an untrained encoder that sees images at 8 pixels."""
    network = {"name": "resnet18", "width": 8, "stages": (1,)}
    backbone = make_backbone(**network)
    images = jnp.zeros((1, 8, 8, 3))
    variables = jax.jit(lambda key: backbone.init(key, images, train=False))(jax.random.key(0))
    encoder = Encoder(Description(network, 8, crop, 3), backbone, variables)
    return make_task(encoder, splits, shardings=sharding.make(32), batch_size=32)
