"""Between images in [0, 1] and the normalised space in which networks see them."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import UserError

Images = Float[Array, "n h w c"]


def normalize_images(images: Images, mean: Sequence[float], std: Sequence[float]) -> Images:
    """(images - mean) / std, with one value for all channels or one for each.

    Raises:
      UserError: if there are neither 1 nor C values.
    """
    return (images - _per_channel(images, mean)) / _per_channel(images, std)


def restore_images(images: Images, mean: Sequence[float], std: Sequence[float]) -> Images:
    """The inverse of `normalize_images`."""
    return images * _per_channel(images, std) + _per_channel(images, mean)


def _per_channel(images: Images, values: Sequence[float]) -> Float[Array, "1 1 1 _"]:
    channels = images.shape[-1]
    if len(values) not in (1, channels):
        raise UserError(
            f"image mean and std {tuple(values)} must have one value or one for each channel, "
            f"of which the images have {channels}"
        )
    return jnp.asarray(values, images.dtype).reshape(1, 1, 1, -1)
