"""Images to frozen features: each process reads and encodes its share, once for all encoders."""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Float32

from ssl_jax.augment.policy import to_float
from ssl_jax.data.dataset import Images, gather
from ssl_jax.devices.sharding import Shardings, put, shared_batch
from ssl_jax.evaluation.features import Features
from ssl_jax.evaluation.shares import share

Encode = Callable[[Float[Array, "b h w c"]], Float[Array, "b d"]]

# Largest side at which raw pixels are evaluated: a probe on d features needs d x d numbers.
LARGEST_PIXEL_SIDE = 32
PIXEL_BATCH_SIZE = 256


def extract(
    encode: Encode,
    images: Images,
    *,
    batch_size: int,
    shardings: Shardings | None = None,
    dtype: DTypeLike = "float32",
    progress: Callable[[int], None] = lambda count: None,
) -> Features:
    """Features of `images`, in the same order; see `extract_all` for the arguments."""
    every = {"": encode}
    common = {"batch_size": batch_size, "shardings": shardings, "dtype": dtype}
    return extract_all(every, images, progress=progress, **common)[""]


def extract_all(
    encoders: Mapping[str, Encode],
    images: Images,
    *,
    batch_size: int,
    shardings: Shardings | None = None,
    dtype: DTypeLike = "float32",
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, Features]:
    """Features of `images` by several encoders, in one pass over the images.

    Args:
      encoders: each maps images in [0, 1] to frozen features; always called with `batch_size`
        images, the last batch padded with zeros. They are not jitted here: if the caller jits one
        with the parameters as arguments, it compiles once per run; if it closes over them, once
        per call.
      images: uint8 [N, H, W, C], at least one; stored images are read batch by batch, each by one
        process.
      batch_size: images per call of an encoder, over all devices; rounded up to a multiple of
        their number.
      shardings: where a batch is placed; by default on the first device, or on all where there are
        several processes.
      dtype: in which features are kept, float32 or bfloat16.
      progress: called before each batch with the number of images read so far.

    Returns:
      Features [N, d] by the name of the encoder.
    """
    shares = share(len(images), shardings)
    mine = shares.own()
    batch = shared_batch(batch_size, shares.shardings.mesh.size) // jax.process_count()
    kept: dict[str, np.ndarray] = {}
    running: tuple[slice, dict[str, Array]] | None = None
    for start in range(0, shares.longest, batch):
        progress(min(start * jax.process_count(), len(images)))
        rows = mine[start : start + batch]
        read = gather(images, rows)
        padded = np.pad(read, [(0, batch - len(read))] + 3 * [(0, 0)])
        given = to_float(put(padded, shares.shardings.batch))
        ahead = {name: encode(given) for name, encode in encoders.items()}
        # Fetched one batch late: the device works while the host reads the next batch.
        if running is not None:
            _keep(kept, *running, len(mine), dtype)
        split = {name: jax.device_put(x, shares.shardings.batch) for name, x in ahead.items()}
        running = slice(start, start + len(rows)), split
    assert running is not None  # there is at least one image
    _keep(kept, *running, len(mine), dtype)
    return {name: Features(own, shares) for name, own in kept.items()}


def _keep(
    kept: dict[str, np.ndarray],
    rows: slice,
    features: dict[str, Array],
    size: int,
    dtype: DTypeLike,
) -> None:
    """Copies the features of this process' images to their rows, of `size`."""
    for name, batch in features.items():
        if name not in kept:
            kept[name] = np.empty((size, batch.shape[1]), jnp.dtype(dtype))
        shards = sorted(batch.addressable_shards, key=lambda shard: shard.index[0].start or 0)
        own = np.concatenate([np.asarray(shard.data) for shard in shards])
        kept[name][rows] = own[: rows.stop - rows.start]


def flat_pixels(images: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
    """Images as features, d = h w c; those with sides of more than 32 pixels are reduced to 32."""
    _, height, width, _ = images.shape
    return _flat(images, min(height, LARGEST_PIXEL_SIDE), min(width, LARGEST_PIXEL_SIDE))


def pixel_width(shape: tuple[int, ...]) -> int:
    """Number of features of `flat_pixels`, for images of this shape [..., H, W, C]."""
    *_, height, width, channels = shape
    return min(height, LARGEST_PIXEL_SIDE) * min(width, LARGEST_PIXEL_SIDE) * channels


def pixels(images: Images) -> Float32[np.ndarray, "n d"]:
    """The images themselves as features in [0, 1]; see `flat_pixels`."""
    return np.asarray(extract(flat_pixels, images, batch_size=PIXEL_BATCH_SIZE))


@functools.partial(jax.jit, static_argnums=(1, 2))
def _flat(images: Float[Array, "b h w c"], height: int, width: int) -> Float[Array, "b d"]:
    shape = (len(images), height, width, images.shape[-1])
    # A no-op on images that are small enough.
    return jax.image.resize(images, shape, "bilinear", antialias=True).reshape(len(images), -1)
