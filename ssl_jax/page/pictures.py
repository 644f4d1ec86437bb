"""Images as data: URIs, so that the page contains them."""

import base64
import io
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

# Images up to this side are stored losslessly; JPEG would blur them.
MAX_LOSSLESS_SIDE = 48
MAX_SIDE = 128
MAX_ATLAS_SIDE = 64


class Atlas(NamedTuple):
    """Many small images in one picture: image i is in row i // columns and column i % columns.

    uri: the picture.
    columns: images per row.
    width: of one image, in pixels.
    height: of one image, in pixels.
    """

    uri: str
    columns: int
    width: int
    height: int


def data_uri(image: UInt8[np.ndarray, "h w c"], *, max_side: int = MAX_SIDE) -> str:
    """An image as a data: URI, reduced to `max_side` pixels on its longer side.

    Shows the first three channels of an image with more, and the first of an image with two.
    """
    return _encode(_reduced(image, max_side))


def atlas(images: UInt8[np.ndarray, "n h w c"]) -> Atlas:
    """All images in one picture, each reduced to MAX_ATLAS_SIDE pixels on its longer side."""
    columns = math.ceil(math.sqrt(len(images)))
    small = [_reduced(image, MAX_ATLAS_SIDE) for image in images]
    width, height = small[0].size
    rows = math.ceil(len(images) / columns)
    sheet = Image.new(small[0].mode, (columns * width, rows * height))
    for index, picture in enumerate(small):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    return Atlas(
        _encode(sheet, lossless=max(width, height) <= MAX_LOSSLESS_SIDE), columns, width, height
    )


def to_uint8(images: Float[np.ndarray, "*n h w c"]) -> UInt8[np.ndarray, "*n h w c"]:
    """Images in [0, 1] as uint8; values outside the range are clipped."""
    return np.round(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)


def _reduced(image: np.ndarray, max_side: int) -> Image.Image:
    picture = Image.fromarray(image[..., :3] if image.shape[-1] > 2 else image[..., 0])
    scale = max_side / max(picture.size)
    if scale < 1:
        width, height = (max(1, round(scale * side)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture


def _encode(picture: Image.Image, *, lossless: bool | None = None) -> str:
    lossless = max(picture.size) <= MAX_LOSSLESS_SIDE if lossless is None else lossless
    buffer = io.BytesIO()
    kind = "png" if lossless else "jpeg"
    picture.save(buffer, kind, quality=88)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
