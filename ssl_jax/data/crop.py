"""The crops of an image's views, cut on the host out of the whole image at its own resolution.

This is torchvision's RandomResizedCrop: ten draws of a box, the centre if none fits, and an
antialiased resize of the box. The numbers are those that `augment.crop` would draw for the same
keys on the device, so of images of one size both make the same views. NumPy only.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int, UInt8, UInt32

from ssl_jax.data.decode import Opened, reduction_to
from ssl_jax.data.resize import resize
from ssl_jax.data.threefry import fold_in, uniform

ATTEMPTS = 10  # draws before torchvision falls back to a central crop


class Crop(NamedTuple):
    """How one view is cropped; the fields of `augment.policy.ViewSpec` of these names."""

    size: int
    crop_probability: float
    crop_scale: tuple[float, float]
    crop_ratio: tuple[float, float]
    interpolation: str


class Box(NamedTuple):
    """Part of an image in pixels."""

    top: int
    left: int
    height: int
    width: int


class Crops(NamedTuple):
    """The crops of all views.

    views: in the order of the views.
    key: of the train state, as `jax.random.key_data` gives it.
    short_side: images with a longer one are shrunk to it before they are cropped, see `shrunk`; 0
      for any.
    """

    views: tuple[Crop, ...]
    key: UInt32[np.ndarray, "2"]
    short_side: int = 0


def draw(
    crops: Crops, step: int, indices: Int[np.ndarray, " n"]
) -> Float32[np.ndarray, "n views draws"]:
    """Uniform numbers for the boxes of images in a step.

    They are a function of step and index, as in `training.step`: the views are the same whatever
    the number of devices, processes and workers.

    Args:
      crops: the views.
      step: counted from 0 over the whole run.
      indices: of the images in the data set.

    Returns:
      Numbers in [0, 1): the first decides whether there is a crop at all.
    """
    image_key = fold_in(fold_in(crops.key, step), 1)
    keys = fold_in(fold_in(image_key, indices)[:, None], np.arange(len(crops.views)))
    cropped = uniform(fold_in(keys, 0), 1)
    return np.concatenate([cropped, uniform(fold_in(keys, 1), 2 * ATTEMPTS + 2)], axis=-1)


def make_views(
    image: Opened, crops: Crops, draws: Float32[np.ndarray, "views draws"], *, channels: int
) -> list[UInt8[np.ndarray, "_size _size c"]]:
    """The crops of one image, which is decoded once for all of them.

    A large JPEG is decoded at a reduced scale if no crop becomes smaller than its view by that.

    Args:
      image: of which the header was read.
      crops: the views.
      draws: see `draw`.
      channels: 1 (grey) or 3 (RGB).
    """
    height, width = image.height, image.width
    boxes = [
        sample_box(numbers.tolist(), height, width, crop)
        for crop, numbers in zip(crops.views, draws, strict=True)
    ]
    shrinks_by = min(
        min(box.height, box.width) / crop.size for crop, box in zip(crops.views, boxes, strict=True)
    )
    pixels = image.decode(channels, reduction_to(shrinks_by))
    return [_cut(pixels, box, crop, image) for crop, box in zip(crops.views, boxes, strict=True)]


def _cut(
    pixels: UInt8[np.ndarray, "h w c"], box: Box, crop: Crop, image: Opened
) -> UInt8[np.ndarray, "_size _size c"]:
    """Resizes the part of an image that a box of its full resolution holds."""
    height, width, _ = pixels.shape
    top, left, bottom, right = box.top, box.left, box.top + box.height, box.left + box.width
    if (height, width) == (image.height, image.width):
        part = pixels[top:bottom, left:right]
        return resize(part, crop.size, interpolation=crop.interpolation)
    # At a reduced scale a box begins and ends between pixels.
    down, across = height / image.height, width / image.width
    left, top = left * across, top * down
    # `nextafter`: the sum must not be rounded to beyond the image.
    wide = min(box.width * across, math.nextafter(width - left, 0))
    high = min(box.height * down, math.nextafter(height - top, 0))
    part = (left, top, wide, high)
    return resize(pixels, crop.size, interpolation=crop.interpolation, part=part)


def shrunk(image: Opened, short_side: int, *, channels: int) -> Opened:
    """The image decoded, with its short side at most `short_side`, small enough to be kept.

    It keeps its aspect: crops are taken from all of it.
    """
    height, width = image.height, image.width
    share = short_side / min(height, width)
    pixels = image.decode(channels, reduction_to(1 / share))
    if share < 1:
        size = max(short_side, round(height * share)), max(short_side, round(width * share))
        height, width = size
        pixels = resize(pixels, size)
    return Opened(height, width, lambda channels, reduction: pixels)


def sample_box(draws: list[float], height: int, width: int, crop: Crop) -> Box:
    """The box that `augment.crop.sample_box` draws, or the whole image where there is no crop.

    Args:
      draws: one row of `draw` for this view.
      height, width: of the image, in pixels.
      crop: of the view.
    """
    if not draws[0] < crop.crop_probability:
        return Box(0, 0, height, width)
    low, high = math.log(crop.crop_ratio[0]), math.log(crop.crop_ratio[1])
    least, most = crop.crop_scale
    for attempt in range(ATTEMPTS):
        area = height * width * (least + draws[1 + attempt] * (most - least))
        ratio = math.exp(low + draws[1 + ATTEMPTS + attempt] * (high - low))
        h, w = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < h <= height and 0 < w <= width:
            return Box(int(draws[-2] * (height - h + 1)), int(draws[-1] * (width - w + 1)), h, w)
    h = min(height, round(width / crop.crop_ratio[0]))
    w = min(width, round(height * crop.crop_ratio[1]))
    return Box((height - h) // 2, (width - w) // 2, h, w)
