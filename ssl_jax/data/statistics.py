"""Mean and standard deviation of each channel, with which the encoder normalises its input."""

import numpy as np

from ssl_jax.data.dataset import Dataset, gather

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def channel_statistics(dataset: Dataset, *, at_most: int = 50_000) -> Statistics:
    """Mean and standard deviation of each channel over all pixels, with pixels in [0, 1].

    Args:
      dataset: its images are read.
      at_most: in a larger set only this number of images is read, spread evenly over it.

    Returns:
      (means, standard deviations), one value per channel; 1 for a deviation of 0.

    >>> from ssl_jax.data.dataset import Dataset
    >>> channel_statistics(Dataset(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1), None, ()))
    ((0.5,), (0.5,))
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
    # The encoder divides by it.
    deviation = np.where(deviation > 0, deviation, 1.0)
    return tuple(map(float, mean)), tuple(map(float, deviation))
