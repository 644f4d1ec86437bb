"""Arrays of images of any type and order of axes, to uint8 [N, H, W, C]."""

from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8

from ssl_jax.data import depth
from ssl_jax.data.axes import channels_first
from ssl_jax.data.skipped import some
from ssl_jax.errors import UserError

# Images that are converted at a time.
AT_ONCE = 1024


def to_images(
    parts: list[Shaped[np.ndarray, "..."]], names: list[str], value_range: depth.ValueRange = ()
) -> tuple[list[UInt8[np.ndarray, "_n h w c"]], list[str]]:
    """Images of several parts, scaled by what the first one, which is trained on, holds.

    Args:
      parts: as saved.
      names: of the parts, for messages.
      value_range: (black, white); () to find out.

    Returns:
      (images of each part, notes on what was decided).

    Raises:
      UserError: for arrays that are no images, that differ between parts, or whose order of axes or
        range of values cannot be told.
    """
    notes: list[str] = []
    ordered = [_ordered(part, name, notes) for part, name in zip(parts, names, strict=True)]
    if len({part.shape[1:] for part in ordered}) > 1:
        shapes = " and ".join(str(part.shape[1:]) for part in ordered)
        raise UserError(f"{' and '.join(names)} must have images of the same shape, not {shapes}")
    first = ordered[0]
    low, high = _span(first, names[0])
    value_range = tuple(map(float, value_range)) or depth.usual_range(first.dtype, low, high)
    notes += depth.range_notes(first.dtype, low, high, value_range)
    images = []
    for part, name in zip(ordered, names, strict=True):
        if not value_range and part.dtype != first.dtype:
            raise UserError(f"{name} is of {part.dtype}, but {names[0]} of {first.dtype}")
        images.append(_scaled(part, value_range, name))
    return images, notes + _flat(images[0], names[0])


def _ordered(array: Any, name: str, notes: list[str]) -> Shaped[np.ndarray, "n h w c"]:
    """[N, H, W, C]."""
    form = f"{array.dtype} {list(array.shape)}"
    if array.dtype.kind not in "uifb" or array.ndim not in (3, 4) or not array.size:
        raise UserError(f"the images in {name} must be numbers [N, H, W, C], not {form}")
    if array.ndim == 3:
        return array[..., None]
    first = channels_first(array.shape[1:])
    if first is None:
        raise UserError(
            f"the images in {name} may be [N, H, W, C] or [N, C, H, W]: {form}; save the former"
        )
    if first:
        notes.append(f"the images in {name} are read as [N, C, H, W]: {form}")
        return array.transpose(0, 2, 3, 1)
    return array


def _span(array: Shaped[np.ndarray, "n h w c"], name: str) -> tuple[float, float]:
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(f"the images in {name} have pixels that are not finite")
    return float(low), float(high)


def _scaled(
    array: Shaped[np.ndarray, "n h w c"], value_range: depth.ValueRange, name: str
) -> UInt8[np.ndarray, "n h w c"]:
    if array.dtype == np.uint8 and not value_range:
        return np.ascontiguousarray(array)
    _span(array, name)
    images = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        images[rows] = depth.to_uint8(array[rows], value_range)
    return images


def _flat(images: UInt8[np.ndarray, "n h w c"], name: str) -> list[str]:
    """A warning of images that show nothing."""
    spans = images.max((1, 2, 3)).astype(int) - images.min((1, 2, 3))
    if images.max() - images.min() < depth.ALMOST_ONE_VALUE:
        span = f"{images.min()} to {images.max()} of 255"
        return [f"warning: all images in {name} are of almost one value ({span}); see {depth.HOW}"]
    flat = [str(row) for row in np.flatnonzero(spans < 1)]
    return (
        [f"warning: {len(flat):,} images in {name} are of one value: {some(flat)}"] if flat else []
    )
