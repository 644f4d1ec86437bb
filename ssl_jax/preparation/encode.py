"""An image as it is stored in a record: its own bytes where they are small enough, or a JPEG."""

import io
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ssl_jax.data.decode import decode
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.pixel_rule import PixelRule


class Stored(NamedTuple):
    """What becomes of an image of the input.

    image: the encoded image; None if it is left out.
    reason: why it is left out.
    """

    image: bytes | None
    reason: str = ""


def store(images: EncodedImages, index: int, *, short_side: int, quality: int) -> Stored:
    """Reads, verifies and, where it is too large, shrinks an image.

    Pixels are scaled to 8 bits by the rule of the set, which records do not have: where another
    reader would scale them otherwise, an image that is small enough becomes a PNG.

    Args:
      images: of the input.
      index: which of them.
      short_side: longest short side in pixels that is stored; 0 for any.
      quality: of JPEGs that are written, from 1 to 100.
    """
    try:
        content = images.read(index)
        # Decoded whole, even where its bytes are kept: what is stored can be read.
        pixels = decode(content, image_size=0, channels=3, rule=images.rule)
        height, width, _ = pixels.shape
        if not short_side or min(height, width) <= short_side:
            kept = _is_read_so(content, pixels, images.rule)
            return Stored(content if kept else _encoded(Image.fromarray(pixels), "PNG"))
        return Stored(_jpeg(pixels, short_side=short_side, quality=quality))
    except Exception as error:  # decoders raise nearly anything for a damaged image
        reason = " ".join(str(error).split()) or type(error).__name__
        # Pillow names the buffer that it was given.
        return Stored(None, "not an image" if reason.startswith("cannot identify") else reason)


def _is_read_so(content: bytes, pixels: UInt8[np.ndarray, "h w 3"], rule: PixelRule) -> bool:
    """Whether an image has the same pixels without the rule of its set."""
    if not (rule.value_range or rule.usual_range):
        return True
    try:
        usual = decode(content, image_size=0, channels=3, rule=PixelRule(max_pixels=pixels.size))
    except ValueError:  # pixels of a type without a range of its own
        return False
    return np.array_equal(usual, pixels)


def _jpeg(pixels: UInt8[np.ndarray, "h w 3"], *, short_side: int, quality: int) -> bytes:
    """The image at `short_side` (bicubic, antialiased) as a JPEG, grey if all of it is grey."""
    height, width, _ = pixels.shape
    scale = short_side / min(height, width)
    size = (max(short_side, round(scale * width)), max(short_side, round(scale * height)))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    return _encoded(image, "JPEG", quality=quality)


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    """The content of an image file, grey if all of the image is grey."""
    pixels = np.asarray(image)
    if (pixels == pixels[..., :1]).all():
        image = image.convert("L")
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
