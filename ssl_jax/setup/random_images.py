"""Random pixels in place of a data set, for what needs none."""

import numpy as np

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.types import Config


def random_images(config: Config, *, batches: int) -> Splits:
    """A data set of random pixels, so many batches of it, of the size of the views."""
    side = config.data.image_size or config.augment.view0.size
    shape = (batches * config.batch_size, side, side, 1 if config.data.name == "digits" else 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    labels = np.zeros(len(images), np.int32)
    return Splits(Dataset(images, labels, ("",)), None, None)
