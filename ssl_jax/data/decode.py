"""Decodes image files of any format to uint8 arrays of one size."""

import io
import pathlib

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

# Compared in lower case.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".gif", ".bmp", ".tif", ".tiff"),
    *(".webp", ".avif", ".pbm", ".pgm", ".pnm", ".ppm"),
)


def decode(
    file: bytes | str | pathlib.Path, *, image_size: int, channels: int
) -> UInt8[np.ndarray, "h w {channels}"]:
    """Decodes the central square of an image at `image_size`, or the whole image if that is 0.

    The central square is resized (bicubic, antialiased); large JPEGs are first decoded at a reduced
    scale, of at least twice `image_size`. The EXIF orientation is applied, transparent images are
    composited onto white, and 16-bit grey is reduced to its high byte (as Pillow does with 16-bit
    RGB). Animations yield their first frame.

    Args:
      file: content or path of the image file.
      image_size: side in pixels; 0 keeps the stored size and shape.
      channels: 1 (grey) or 3 (RGB).

    Raises:
      Exception: of any type that Pillow raises for a file that it cannot read.
    """
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
        if image_size:
            image.draft(None, (2 * image_size, 2 * image_size))
        return pixels(image, image_size=image_size, channels=channels)


def pixels(
    image: Image.Image, *, image_size: int, channels: int
) -> UInt8[np.ndarray, "h w {channels}"]:
    """What `decode` makes of an image that Pillow has opened; the image itself stays as it is."""
    image = _to_rgb(ImageOps.exif_transpose(image))
    if channels == 1:
        image = image.convert("L")
    if image_size and image.size != (image_size, image_size):
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        image = image.resize(
            (image_size, image_size),
            Image.Resampling.BICUBIC,
            box=(left, top, left + side, top + side),
        )
    return np.asarray(image).reshape(image.height, image.width, channels)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("the range of floating-point pixels is unknown")
    if image.mode.startswith("I"):  # 16-bit grey, or stored as 32; convert() would clip at 255
        pixels = np.clip(np.asarray(image), 0, 65535)
        image = Image.fromarray((pixels >> 8).astype(np.uint8))
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.new("RGBA", image.size, "white")
        image.alpha_composite(colours)
    return image.convert("RGB")
