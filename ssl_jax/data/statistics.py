"""Mean and standard deviation of each channel, with which the encoder normalises its input."""

import contextlib

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.dataset import Dataset, Images, gather
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.errors import UserError

# Of encoded images so many tell enough: training does not wait until all have been decoded.
ENCODED = 2_000

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def channel_statistics(dataset: Dataset, *, at_most: int = 50_000) -> Statistics:
    """Mean and standard deviation of each channel over all pixels, with pixels in [0, 1].

    Args:
      dataset: its images are read.
      at_most: in a larger set only this number of images is read, spread evenly over it; 2,000 of
        encoded images, without those that cannot be read.

    Raises:
      UserError: if no image can be read.

    Returns:
      (means, standard deviations), one value per channel; 1 for a deviation of 0.

    >>> from ssl_jax.data.dataset import Dataset
    >>> channel_statistics(Dataset(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1), None, ()))
    ((0.5,), (0.5,))
    """
    images = dataset.images
    if isinstance(images, EncodedImages):
        at_most = min(at_most, ENCODED)
    count = min(len(images), at_most)
    chosen = np.arange(count) * len(images) // count
    read, total, square = 0, np.zeros(images.shape[-1]), np.zeros(images.shape[-1])
    for part in np.array_split(chosen, -(-count // 256)):
        array = _read(images, part)
        read += len(array)
        pixels = array.astype(np.float64) / 255
        total = total + pixels.sum((0, 1, 2))
        square = square + (pixels**2).sum((0, 1, 2))
    if not read:
        raise UserError(f"none of {count:,} training images can be read")
    pixels = read * images.shape[1] * images.shape[2]
    mean = total / pixels
    deviation = np.sqrt(np.maximum(square / pixels - mean**2, 0))
    # The encoder divides by it.
    deviation = np.where(deviation > 0, deviation, 1.0)
    return tuple(map(float, mean)), tuple(map(float, deviation))


def _read(images: Images, indices: Int[np.ndarray, " m"]) -> UInt8[np.ndarray, "_n h w c"]:
    """The images at `indices`, but for encoded ones that cannot be read."""
    try:
        return gather(images, indices)
    except UserError:
        if not isinstance(images, EncodedImages):
            raise
    found = []
    for index in indices:
        with contextlib.suppress(UserError):
            found.append(images[int(index)])
    return np.stack(found) if found else np.empty((0, *images.shape[1:]), np.uint8)
