"""Image files of any kind to uint8 arrays of one size."""

import pathlib

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

# Any upper and lower case.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".gif", ".bmp", ".tif", ".tiff"),
    *(".webp", ".avif", ".pbm", ".pgm", ".pnm", ".ppm"),
)


def decode(
    path: str | pathlib.Path, *, image_size: int, channels: int
) -> UInt8[np.ndarray, "h w {channels}"]:
    """The image in the file: its central square at `image_size`, or all of it where that is 0.

    The shorter side is resized to `image_size` (bicubic, antialiased) and the longer side cut
    to the centre; large JPEGs are read at a fraction of their size that stays at least twice
    `image_size`. The EXIF orientation is applied, transparency laid on white, 16-bit grey
    reduced to its high byte (as Pillow does with 16-bit RGB). Of an animation, the first frame.

    Raises whatever Pillow does for a file that it cannot read.
    """
    with Image.open(path) as image:
        if image_size:
            image.draft(None, (2 * image_size, 2 * image_size))
        ImageOps.exif_transpose(image, in_place=True)
        image = _to_rgb(image)
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
        raise ValueError("floating-point pixels have no known range")
    if image.mode.startswith("I"):  # 16-bit grey, also in 32 bits; convert() would clip it at 255
        pixels = np.clip(np.asarray(image), 0, 65535)
        image = Image.fromarray((pixels >> 8).astype(np.uint8))
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.new("RGBA", image.size, "white")
        image.alpha_composite(colours)
    return image.convert("RGB")
