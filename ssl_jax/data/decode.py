"""Decodes image files of any format to uint8 arrays.

JPEGs by simplejpeg (libjpeg-turbo), which gives Pillow's pixels in half the time; everything else
by Pillow, and JPEGs as well where simplejpeg is not installed or does not understand one.
"""

import io
import pathlib
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageOps

from ssl_jax.data import bands
from ssl_jax.data.pixel_rule import PixelRule
from ssl_jax.data.resize import resize

try:
    import simplejpeg
except ImportError:
    simplejpeg: Any = None

try:
    import pillow_heif
except ImportError:
    pass
else:
    pillow_heif.register_heif_opener()

# The limit is that of PixelRule.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
RULE = PixelRule()
# Scales at which libjpeg decodes a JPEG by leaving out high frequencies: 1, 1/2, 1/4, 1/8.
REDUCTIONS = (8, 4, 2, 1)
ORIENTATION = 0x0112  # tag of EXIF
_APPLICATION = frozenset(bytes((0xFF, code)) for code in (*range(0xE0, 0xF0), 0xFE))
PNG_EXIF = (b"eXIf", b"Raw profile type exif")


class Opened(NamedTuple):
    """An image of which only the header was read.

    height, width: in pixels, after its EXIF orientation.
    decode: (channels, reduction) -> pixels uint8 [H, W, C], upright; a JPEG by 1 / reduction in
      each direction (rounded up), for 1, 2, 4 and 8; other formats as they are.
    """

    height: int
    width: int
    decode: Callable[[int, int], UInt8[np.ndarray, "_h _w _c"]]


def open_image(content: bytes, rule: PixelRule = RULE) -> Opened:
    """Reads the header of an image file.

    Args:
      content: of the file.
      rule: how its pixels are scaled, and how many it may have.

    Raises:
      Exception: of any type that Pillow raises for a file that it cannot read; so does `decode`.
    """
    opened = None
    if bands.is_array(content):
        opened = _open_bands(bands.read_array(content), rule)
    elif simplejpeg is not None and content[:3] == b"\xff\xd8\xff":
        opened = _open_jpeg(content, rule)
    if opened is None:
        opened = _open_any(content, rule)
    rule.check_size(opened.height, opened.width)
    return opened


def _open_bands(array: Shaped[np.ndarray, "h w c"], rule: PixelRule) -> Opened:
    """An array, which is all there already."""
    height, width, _ = array.shape

    def decode(channels: int, reduction: int) -> UInt8[np.ndarray, "_h _w _c"]:
        del reduction
        return bands.with_channels(rule.scale(array), channels)

    return Opened(height, width, decode)


def _open_jpeg(content: bytes, rule: PixelRule) -> Opened | None:
    """None for JPEGs that are left to Pillow: CMYK, rotated by EXIF, or not understood."""
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(content)
    except ValueError:
        return None
    if space == "CMYK" or _is_rotated(content):
        return None

    def decode(channels: int, reduction: int) -> UInt8[np.ndarray, "_h _w _c"]:
        least = {"min_height": -(-height // reduction), "min_width": -(-width // reduction)}
        try:
            return simplejpeg.decode_jpeg(content, "GRAY" if channels == 1 else "RGB", **least)
        except ValueError:  # Pillow reads some that libjpeg warns of
            return _open_any(content, rule).decode(channels, reduction)

    return Opened(height, width, decode)


def _is_rotated(content: bytes) -> bool:
    if not _has_exif(content):
        return False
    with Image.open(io.BytesIO(content)) as image:
        return image.getexif().get(ORIENTATION, 1) != 1


def _has_exif(content: bytes) -> bool:
    """Whether a JPEG has EXIF among the segments of applications, which precede its tables."""
    at = 2
    while content[at : at + 2] in _APPLICATION:
        if content[at + 4 : at + 8] == b"Exif":
            return True
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return False


def _open_any(content: bytes, rule: PixelRule) -> Opened:
    allow(rule.max_pixels)
    try:
        image = Image.open(io.BytesIO(content))
    except Image.DecompressionBombError as error:
        raise _far_too_large(error, rule) from None
    except Image.UnidentifiedImageError:
        if not bands.is_tiff(content):
            raise
        return _open_bands(bands.read_tiff(content), rule)
    with image:
        width, height = image.size
        # Pillow decodes all of a PNG to look for EXIF.
        known = image.format == "PNG" and not any(mark in content for mark in PNG_EXIF)
        turned = not known and image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)

    def decode(channels: int, reduction: int) -> UInt8[np.ndarray, "_h _w _c"]:
        if channels not in (1, 3) and bands.is_tiff(content):
            return _open_bands(bands.read_tiff(content), rule).decode(channels, reduction)
        with Image.open(io.BytesIO(content)) as image:
            if reduction > 1 or channels == 1:
                # Only JPEGs have it. Grey is their luma, as simplejpeg gives it.
                mode = "L" if channels == 1 else None
                image.draft(mode, (width // reduction, height // reduction))
            return pixels(image, image_size=0, channels=channels, rule=rule)

    return Opened(*((width, height) if turned else (height, width)), decode)


def header_size(path: str, rule: PixelRule = RULE) -> tuple[int, int]:
    """(height, width) of an image file as stored, before its EXIF orientation; reads no more.

    Raises:
      Exception: of any type that Pillow raises for a file that it cannot read; ValueError if it has
        more pixels than the rule allows.
    """
    allow(rule.max_pixels)
    try:
        with Image.open(path) as image:
            height, width = image.height, image.width
    except Image.DecompressionBombError as error:
        raise _far_too_large(error, rule) from None
    except Image.UnidentifiedImageError:
        content = pathlib.Path(path).read_bytes()
        if not (bands.is_array(content) or bands.is_tiff(content)):
            raise
        opened = open_image(content, rule)
        height, width = opened.height, opened.width
    rule.check_size(height, width)
    return height, width


def _far_too_large(error: Image.DecompressionBombError, rule: PixelRule) -> ValueError:
    """What `PixelRule` says of an image, for one that Pillow refuses before."""
    found = re.search(r"\d+", str(error))
    number = f"{int(found[0]):,}" if found else "far too many"
    return ValueError(
        f"its {number} pixels are more than {rule.max_pixels:,}; "
        "--config.data.max_pixels raises the limit"
    )


def allow(max_pixels: int) -> None:
    """Makes Pillow, whose own limit is global, open images of so many pixels."""
    if Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)


def reduction_to(least: float) -> int:
    """The strongest reduction of a JPEG that shrinks it by `least` at most; 1 if none does.

    >>> [reduction_to(shrinks_by) for shrinks_by in (0.5, 1.9, 2.0, 7.9, 99.0)]
    [1, 1, 2, 4, 8]
    """
    return next((reduction for reduction in REDUCTIONS if reduction <= least), 1)


def decode(
    file: bytes | str | pathlib.Path, *, image_size: int, channels: int, rule: PixelRule = RULE
) -> UInt8[np.ndarray, "h w {channels}"]:
    """Decodes the central square of an image at `image_size`, or the whole image if that is 0.

    The central square is resized (bicubic, antialiased); large JPEGs are first decoded at a reduced
    scale, of at least twice `image_size`. The EXIF orientation is applied, transparent images are
    composited onto white, and pixels of more than 8 bits are scaled by `rule` (but Pillow reduces
    16-bit RGB to its high bytes). Animations yield their first frame.

    Args:
      file: content or path of the image file.
      image_size: side in pixels; 0 keeps the stored size and shape.
      channels: 1 (grey), 3 (RGB), or those of an array (.npy) or a TIFF.
      rule: how pixels are scaled, and how many an image may have.

    Raises:
      Exception: of any type that Pillow raises for a file that it cannot read.
    """
    content = file if isinstance(file, bytes) else pathlib.Path(file).read_bytes()
    image = open_image(content, rule)
    if not image_size:
        return image.decode(channels, 1)
    shrinks_by = min(image.height, image.width) / image_size
    return _central_square(image.decode(channels, reduction_to(shrinks_by / 2)), image_size)


def pixels(
    image: Image.Image, *, image_size: int, channels: int, rule: PixelRule = RULE
) -> UInt8[np.ndarray, "h w {channels}"]:
    """What `decode` makes of an image that Pillow has opened; the image itself stays as it is."""
    deep = bands.deep_pixels(image)
    if rule.value_range and deep is None and _is_deep(image):
        raise ValueError("Pillow reads colours of 16 bits as 8, to which no value_range applies")
    upright = ImageOps.exif_transpose(image)
    if deep is not None:
        upright.format = image.format
        turned = bands.deep_pixels(upright)
        assert turned is not None
        upright = Image.fromarray(rule.scale(turned))
    if upright.mode == "P" and channels not in (1, 3):
        upright = upright.convert("RGBA")
    if channels in (1, 3):
        upright = _to_rgb(upright)
        upright = upright.convert("L") if channels == 1 else upright
    array = np.asarray(upright).reshape(upright.height, upright.width, -1)
    array = bands.with_channels(array, channels)
    return _central_square(array, image_size) if image_size else array


def _central_square(image: UInt8[np.ndarray, "h w c"], size: int) -> UInt8[np.ndarray, "_s _s c"]:
    height, width, _ = image.shape
    if (height, width) == (size, size):
        return image
    side = min(height, width)
    part = ((width - side) / 2, (height - side) / 2, float(side), float(side))
    return resize(image, size, interpolation="bicubic", part=part)


def _is_deep(image: Image.Image) -> bool:
    """Whether a file has colours of 16 bits, of which Pillow keeps the high ones."""
    tiles = getattr(image, "tile", ())
    return bool(tiles) and ";16" in str(tiles[0].args)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.new("RGBA", image.size, "white")
        image.alpha_composite(colours)
    return image.convert("RGB")
