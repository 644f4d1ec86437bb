"""Frozen features of images, in one array on the host."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Float32, Int

from ssl_jax.augment.policy import to_float
from ssl_jax.data.dataset import Images, gather
from ssl_jax.devices.sharding import Shardings

PIXELS = 32  # largest side of the images that are probed as pixels


class Labelled(NamedTuple):
    """features: [N, d]. labels: class indices [N]."""

    features: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]


def join(first: Labelled, second: Labelled) -> Labelled:
    """The images of both, in that order."""
    return Labelled(*(np.concatenate(arrays) for arrays in zip(first, second, strict=True)))


def extract(
    encode: Callable[[Float[Array, "b h w c"]], Float[Array, "b d"]],
    images: Images,
    *,
    batch_size: int,
    shardings: Shardings | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Float32[np.ndarray, "n d"]:
    """Features of `images`, in their order.

    Args:
      encode: frozen features of images in [0, 1]; always called with `batch_size` images, zeros
        filling up the last batch. It is not jitted here: jitted by the caller with the
        parameters as arguments it compiles once in a run, closed over them once in a call.
      images: uint8 [N, H, W, C], at least one; read batch by batch where they are stored.
      batch_size: images a call, over all devices.
      shardings: where a batch goes; the default device if not given. With several processes all
        of them read all images and get all features.
      progress: is told before each batch how many images were read until then.
    """
    rows = []
    running = None
    for start in range(0, len(images), batch_size):
        progress(start)
        batch = gather(images, np.arange(start, min(start + batch_size, len(images))))
        fill = [(0, batch_size - len(batch))] + 3 * [(0, 0)]
        ahead = encode(to_float(jax.device_put(np.pad(batch, fill), shardings and shardings.batch)))
        if shardings:
            ahead = jax.device_put(ahead, shardings.replicated)
        # Fetched one batch late: the device works while the host reads the next one.
        if running is not None:
            rows.append(np.asarray(running, np.float32))
        running = ahead
    rows.append(np.asarray(running, np.float32))
    return np.concatenate(rows)[: len(images)]


def pixels(images: Images, *, batch_size: int = 256) -> Float32[np.ndarray, "n d"]:
    """The images themselves as features in [0, 1], d = H W C: what every encoder must beat.

    Larger images are first reduced to 32 pixels a side: a probe on d features needs d x d numbers.
    """
    _, height, width, channels = images.shape
    shape = (batch_size, min(height, PIXELS), min(width, PIXELS), channels)

    @jax.jit
    def flatten(batch: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        # Of images that are small enough this is a no-op.
        return jax.image.resize(batch, shape, "bilinear", antialias=True).reshape(batch_size, -1)

    return extract(flatten, images, batch_size=batch_size)
