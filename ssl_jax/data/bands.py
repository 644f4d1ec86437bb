"""Image files with any number of channels or of another type than 8 bits: .npy, TIFF, deep PNG."""

import io
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from ssl_jax.data.axes import channels_first

try:
    import tifffile
except ImportError:
    tifffile: Any = None

NUMPY = b"\x93NUMPY"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Formats whose 16 bits Pillow gives as 32.
SIXTEEN_BITS_AS_32 = ("PPM", "PNG", "JPEG2000")
# Luma of ITU-R 601, as Pillow has it.
LUMA = (0.299, 0.587, 0.114)


def is_array(content: bytes) -> bool:
    """Whether a file is an array saved by NumPy."""
    return content.startswith(NUMPY)


def is_tiff(content: bytes) -> bool:
    """Whether a file is a TIFF."""
    return content.startswith(TIFF)


def read_array(content: bytes) -> Shaped[np.ndarray, "h w c"]:
    """The array of a .npy file: [H, W], [H, W, C] or [C, H, W].

    Raises:
      ValueError: if it is no such array.
    """
    return _ordered(np.load(io.BytesIO(content), allow_pickle=False))


def read_tiff(content: bytes) -> Shaped[np.ndarray, "h w c"]:
    """A TIFF with all its channels, of its own type.

    Raises:
      ValueError: if it is of another form, or tifffile is not installed.
    """
    if tifffile is None:
        raise ValueError("TIFFs of other than 1 or 3 channels need: pip install 'ssl_jax[tiff]'")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        series = file.series[0]
        array, axes = series.asarray(), series.axes
    if array.ndim != 3 or not {"Y", "X"} <= set(axes):
        return _ordered(array)
    return np.moveaxis(array, (axes.index("Y"), axes.index("X")), (0, 1))


def deep_pixels(image: Image.Image) -> Shaped[np.ndarray, "h w"] | None:
    """The pixels of a grey image of more than 8 bits that Pillow has opened; None for others."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode == "I":
        pixels = np.asarray(image)
        deep = image.format in SIXTEEN_BITS_AS_32
        return np.clip(pixels, 0, 65535).astype(np.uint16) if deep else pixels
    return np.asarray(image) if image.mode == "F" else None


def with_channels(
    image: UInt8[np.ndarray, "h w c"], channels: int
) -> UInt8[np.ndarray, "h w {channels}"]:
    """Grey to RGB and RGB to grey; other numbers of channels are not converted.

    Raises:
      ValueError: for those.
    """
    own = image.shape[-1]
    if own == channels:
        return image
    if own == 1 and channels == 3:
        return np.repeat(image, 3, axis=-1)
    if own == 3 and channels == 1:
        return np.round(image @ np.array(LUMA))[..., None].astype(np.uint8)
    raise ValueError(f"it has {own} channels, not {channels}")


def _ordered(array: Any) -> Shaped[np.ndarray, "h w c"]:
    form = f"{array.dtype} {list(array.shape)}"
    if array.dtype.kind not in "uifb" or array.ndim not in (2, 3) or not array.size:
        raise ValueError(f"it must be numbers [H, W] or [H, W, C], not {form}")
    if array.ndim == 2:
        return array[..., None]
    first = channels_first(array.shape)
    if first is None:
        raise ValueError(f"it may be [H, W, C] or [C, H, W]: {form}")
    return np.moveaxis(array, 0, -1) if first else array
