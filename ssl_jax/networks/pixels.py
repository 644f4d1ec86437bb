"""From images in [0, 1] to the normalised space in which networks see them, and back."""

from collections.abc import Iterator, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, require
from ssl_jax.options.kinds import Number, Range

MEANS, STDS = Range(0.0, 1.0), Range(0.001, 1.0)
Images = Float[Array, "n h w c"]


def normalize_images(images: Images, mean: Sequence[float], std: Sequence[float]) -> Images:
    """(images - mean) / std.

    Args:
      images: [N, H, W, C].
      mean: one value, or one per channel.
      std: likewise.

    Returns:
      The normalised images.

    Raises:
      UserError: if there are neither 1 nor C values.
    """
    return (images - _per_channel(images, mean)) / _per_channel(images, std)


def restore_images(images: Images, mean: Sequence[float], std: Sequence[float]) -> Images:
    """The inverse of `normalize_images`, with the same arguments."""
    return images * _per_channel(images, std) + _per_channel(images, mean)


def statistics_problems(
    mean: Sequence[Number], std: Sequence[Number], channels: int | None = None
) -> Iterator[Problem]:
    """Problems of means and standard deviations.

    Args:
      mean: one value, one per channel, or none.
      std: likewise.
      channels: of the images; None if they are not known.

    Yields:
      Values that are missing, out of range, or too few or too many for the channels.
    """
    if bool(mean) != bool(std):
        yield Problem(
            "std", tuple(std), f"must be given together with mean, which is {tuple(mean)}"
        )
    for key, values, range_ in (("mean", mean, MEANS), ("std", std, STDS)):
        if not all(range_.holds(value) for value in values):
            of_bytes = all(range_.holds(value / 255) for value in values)
            scaled = tuple(float(f"{value / 255:.4g}") for value in values)
            remedy = f"on the scale of 0 to 255 these would be {scaled}" if of_bytes else ""
            yield Problem(key, tuple(values), f"{range_.rule}: images are in [0, 1]", remedy)
    for key, values in (("mean", mean), ("std", std)):
        if channels is not None and len(values) not in (0, 1, channels):
            what = f"must have one value, or one per channel, of which the images have {channels}"
            yield Problem(key, tuple(values), what)


def _per_channel(images: Images, values: Sequence[float]) -> Float[Array, "1 1 1 _"]:
    channels = images.shape[-1]
    rule = f"must have one value, or one per channel, of which the images have {channels}"
    require(len(values) in (1, channels), "mean and std", tuple(values), rule)
    return jnp.asarray(values, images.dtype).reshape(1, 1, 1, -1)
