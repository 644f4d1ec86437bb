"""Frozen features of images, in one array on the host."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Float32, Int

from ssl_jax.augment.policy import to_float
from ssl_jax.data.dataset import Images, gather
from ssl_jax.devices.sharding import Shardings

Encode = Callable[[Float[Array, "b h w c"]], Float[Array, "b d"]]

# Largest side at which raw pixels are evaluated: a probe on d features needs d x d numbers.
LARGEST_PIXEL_SIDE = 32
PIXEL_BATCH_SIZE = 256


class Labelled(NamedTuple):
    """Images as a classifier sees them.

    features: [N, d].
    labels: class indices [N].
    """

    features: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]


def join(first: Labelled, second: Labelled) -> Labelled:
    """The images of `first`, then those of `second`."""
    return Labelled(*(np.concatenate(arrays) for arrays in zip(first, second, strict=True)))


def select(images: Labelled, rows: Int[np.ndarray, " m"]) -> Labelled:
    """The images at `rows`, in that order."""
    return Labelled(images.features[rows], images.labels[rows])


def extract(
    encode: Encode,
    images: Images,
    *,
    batch_size: int,
    shardings: Shardings | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Float32[np.ndarray, "n d"]:
    """Features of `images`, in the same order.

    Args:
      encode: maps images in [0, 1] to frozen features; always called with `batch_size` images, the
        last batch padded with zeros. It is not jitted here: if the caller jits it with the
        parameters as arguments, it compiles once per run; if it closes over them, once per call.
      images: uint8 [N, H, W, C], at least one; stored images are read batch by batch.
      batch_size: images per call of `encode`, over all devices.
      shardings: where a batch is placed; by default on the default device. With several processes
        each of them reads all images and gets all features.
      progress: called before each batch with the number of images read so far.

    Returns:
      Features [N, d].
    """
    rows = []
    running = None
    for start in range(0, len(images), batch_size):
        progress(start)
        batch = gather(images, np.arange(start, min(start + batch_size, len(images))))
        padding = [(0, batch_size - len(batch))] + 3 * [(0, 0)]
        padded = np.pad(batch, padding)
        ahead = encode(to_float(jax.device_put(padded, shardings and shardings.batch)))
        if shardings:
            ahead = jax.device_put(ahead, shardings.replicated)
        # Fetched one batch late: the device works while the host reads the next batch.
        if running is not None:
            rows.append(np.asarray(running, np.float32))
        running = ahead
    rows.append(np.asarray(running, np.float32))
    return np.concatenate(rows)[: len(images)]


def pixels(images: Images) -> Float32[np.ndarray, "n d"]:
    """The images themselves as features in [0, 1], d = H W C: the baseline of every encoder.

    Images with sides of more than 32 pixels are first reduced to that size.
    """
    _, height, width, channels = images.shape
    size = min(height, LARGEST_PIXEL_SIDE), min(width, LARGEST_PIXEL_SIDE)

    @jax.jit
    def flatten(batch: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        shape = (len(batch), *size, channels)
        # A no-op on images that are small enough.
        return jax.image.resize(batch, shape, "bilinear", antialias=True).reshape(len(batch), -1)

    return extract(flatten, images, batch_size=PIXEL_BATCH_SIZE)
