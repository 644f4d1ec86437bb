"""Images as data: URIs, which a page carries with it."""

import base64
import io
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

# Sides up to here are stored pixel by pixel; JPEG would smear them.
EXACT = 48
LARGEST = 128


class Atlas(NamedTuple):
    """Many small images in one: number i is in row i // columns and column i % columns.

    uri: the picture. columns: images in a row. width, height: of one image in pixels.
    """

    uri: str
    columns: int
    width: int
    height: int


def data_uri(image: UInt8[np.ndarray, "h w c"], *, largest: int = LARGEST) -> str:
    """An image as a data: URI, reduced to `largest` pixels on its longer side.

    Of more than three channels the first three are shown, of two the first.
    """
    return _encode(_reduced(image, largest))


def atlas(images: UInt8[np.ndarray, "n h w c"], *, largest: int = 64) -> Atlas:
    """All images in one picture, each reduced to `largest` pixels on its longer side."""
    columns = math.ceil(math.sqrt(len(images)))
    small = [_reduced(image, largest) for image in images]
    width, height = small[0].size
    rows = math.ceil(len(images) / columns)
    sheet = Image.new(small[0].mode, (columns * width, rows * height))
    for index, picture in enumerate(small):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    return Atlas(_encode(sheet, exact=max(width, height) <= EXACT), columns, width, height)


def to_uint8(images: Float[np.ndarray, "*n h w c"]) -> UInt8[np.ndarray, "*n h w c"]:
    """Images in [0, 1] as they are stored; what leaves the range is cut off."""
    return np.round(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)


def _reduced(image: np.ndarray, largest: int) -> Image.Image:
    picture = Image.fromarray(image[..., :3] if image.shape[-1] > 2 else image[..., 0])
    scale = largest / max(picture.size)
    if scale < 1:
        width, height = (max(1, round(scale * side)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture


def _encode(picture: Image.Image, *, exact: bool | None = None) -> str:
    exact = max(picture.size) <= EXACT if exact is None else exact
    buffer = io.BytesIO()
    kind = "png" if exact else "jpeg"
    picture.save(buffer, kind, quality=88)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
