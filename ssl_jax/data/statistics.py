"""Mean and standard deviation of the channels, with which the encoder normalises its input."""

import numpy as np

from ssl_jax.data.dataset import Dataset, gather

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def channel_statistics(dataset: Dataset, *, at_most: int = 50_000) -> Statistics:
    """(mean, standard deviation) of each channel over all pixels, images in [0, 1].

    Of a set with more than `at_most` images, that many are read, evenly spread over it.
    """
    images = dataset.images
    count = min(len(images), at_most)
    chosen = np.arange(count) * len(images) // count
    total = square = np.zeros(images.shape[-1])
    for part in np.array_split(chosen, -(-count // 256)):
        pixels = gather(images, part).astype(np.float64) / 255
        total = total + pixels.sum((0, 1, 2))
        square = square + (pixels**2).sum((0, 1, 2))
    pixels = count * images.shape[1] * images.shape[2]
    mean = total / pixels
    deviation = np.sqrt(np.maximum(square / pixels - mean**2, 0))
    # A channel that is the same everywhere has nothing to be divided by.
    deviation = np.where(deviation > 0, deviation, 1.0)
    return tuple(map(float, mean)), tuple(map(float, deviation))
