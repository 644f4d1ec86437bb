"""A look at some images of a set, to say how all of them are read: range of values, channels.

What it decides holds for the whole set, so that a dark image is not scaled otherwise than a bright
one. It is a function of the files alone.
"""

import dataclasses
import io
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from ssl_jax.data import bands, depth
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.decode import decode, open_image
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.skipped import some, why
from ssl_jax.errors import UserError, require

# Images that are looked at, spread evenly.
LOOKED_AT = 64
# Side of the images in which almost one value is looked for.
SMALL = 32


class Looked(NamedTuple):
    """What one image holds.

    dtype, low, high: of its pixels as stored.
    channels: of an array or a TIFF that Pillow does not open; 0 for other images.
    pages: of a TIFF.
    """

    dtype: np.dtype
    low: float
    high: float
    channels: int
    pages: int = 1


def surveyed(dataset: Dataset) -> Dataset:
    """The data set with the rule that its images are decoded by, and notes on it.

    Raises:
      UserError: if the range of values cannot be told, or no image has the number of channels.
    """
    files = dataset.images
    assert isinstance(files, EncodedImages)
    count = min(len(files), LOOKED_AT)
    chosen = np.unique(np.arange(count) * len(files) // max(count, 1))
    contents = {int(index): _content(files, int(index)) for index in chosen}
    _check_channels(files, contents.values())
    looked = [found for found in map(_look, contents.values()) if found is not None]
    own = {found.channels for found in looked}
    several = files.channels == 0 and len(own) == 1 and not own & {0, 1, 3}
    channels = files.channels or (own.pop() if several else 3)
    notes = [f"images have {channels} channels"] if several else []
    pages = max((found.pages for found in looked), default=1)
    if pages > 1 and channels in (1, 3):
        way = f"--config.data.channels={pages} reads them as channels"
        notes.append(f"images have up to {pages} pages, of which the first is read; {way}")
    usual, more = _range(looked, files.rule.value_range)
    rule = files.rule._replace(usual_range=usual)
    files = dataclasses.replace(files, channels=channels, rule=rule)
    notes = (*dataset.notes, *notes, *more, *_flat(files, contents))
    return dataset._replace(images=files, notes=notes)


def _range(looked: list[Looked], given: depth.ValueRange) -> tuple[depth.ValueRange, Iterable[str]]:
    """The range of types without one of their own, and notes on every type but that of 8 bits."""
    usual: depth.ValueRange = ()
    notes = []
    for dtype in dict.fromkeys(found.dtype for found in looked):
        if dtype in (np.uint8, np.bool_):
            continue
        of_type = [found for found in looked if found.dtype == dtype]
        low, high = min(f.low for f in of_type), max(f.high for f in of_type)
        found = given or depth.usual_range(dtype, low, high)
        if usual and found and found != usual:
            raise UserError(f"images of several types need one range of values: {depth.HOW}")
        usual = found or usual
        notes += depth.range_notes(dtype, low, high, found)
    return (() if given else usual), notes


def _check_channels(files: EncodedImages, contents: Iterable[bytes]) -> None:
    """Refuses a number of channels that no image has."""
    if files.channels in (0, 1, 3):
        return
    reasons = []
    for content in contents:
        try:
            open_image(content, files.rule._replace(usual_range=(0, 1))).decode(files.channels, 1)
            return
        except Exception as error:  # of any type, for a damaged file
            reasons.append(why(error))
    rule = "must be 1 (grey), 3 (RGB) or those of the images"
    require(False, "channels", files.channels, "; ".join([rule, *reasons[:1]]))


def _content(files: EncodedImages, index: int) -> bytes:
    try:
        return files.read(index)
    except Exception:  # of any type; it is named when all files are gone through
        return b""


def _look(content: bytes) -> Looked | None:
    try:
        pixels, channels = _stored(content)
        pages = _pages(content)
    except Exception:  # of any type, for a damaged file
        return None
    if pixels is None:
        return Looked(np.dtype(np.uint8), 0.0, 255.0, channels, pages)
    return Looked(pixels.dtype, float(pixels.min()), float(pixels.max()), channels, pages)


def _stored(content: bytes) -> tuple[Shaped[np.ndarray, "..."] | None, int]:
    """(pixels as stored, None for 8 bits; channels of what Pillow does not open, or 0)."""
    if bands.is_array(content):
        array = bands.read_array(content)
        return array, array.shape[-1]
    try:
        with Image.open(io.BytesIO(content)) as image:
            return bands.deep_pixels(image), 0
    except Image.UnidentifiedImageError:
        if not bands.is_tiff(content):
            raise
        array = bands.read_tiff(content)
        return array, array.shape[-1]


def _pages(content: bytes) -> int:
    """Number of pages of a TIFF that Pillow opens; 1 for other files."""
    if not bands.is_tiff(content):
        return 1
    try:
        with Image.open(io.BytesIO(content)) as image:
            return getattr(image, "n_frames", 1)
    except Image.UnidentifiedImageError:
        return 1


def _flat(files: EncodedImages, contents: dict[int, bytes]) -> Iterable[str]:
    """Warnings of images that show nothing."""
    spans: dict[str, tuple[int, int]] = {}
    for index, content in contents.items():
        try:
            image = decode(content, image_size=SMALL, channels=files.channels, rule=files.rule)
            spans[files.name(index)] = int(image.min()), int(image.max())
        except Exception:  # of any type, for a damaged file
            continue
    if not spans:
        return
    low, high = min(low for low, _ in spans.values()), max(high for _, high in spans.values())
    if high - low < depth.ALMOST_ONE_VALUE:
        yield (
            f"warning: all {len(spans):,} images that were looked at are of almost one value "
            f"({low} to {high} of 255); see {depth.HOW}"
        )
        return
    flat = [name for name, (low, high) in spans.items() if high - low < 1]
    if flat:
        share = f"{len(flat):,} of {len(spans):,} images that were looked at"
        yield f"warning: {share} are of one value: {some(flat)}"
