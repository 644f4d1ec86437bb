"""Resizes uint8 images on the host as Pillow does, whose filters torchvision uses as well.

By cykooz_resizer, which has Pillow's algorithm in SIMD instructions and is 3 to 5 times as fast;
by Pillow where it is not installed. They differ by one grey level at most, and where bicubic
overshoots.
"""

from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

try:
    import cykooz_resizer as fast
except ImportError:
    fast: Any = None

# (left, top, width, height) in pixels of the image
Part = tuple[float, float, float, float]

_IN_PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_IN_FAST = {"bilinear": "bilinear", "bicubic": "catmull_rom"}  # Keys' kernel with a = -0.5
_PIXELS = {1: "U8", 3: "U8x3"}


def resize(
    image: UInt8[np.ndarray, "h w c"],
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    part: Part | None = None,
) -> UInt8[np.ndarray, "_h _w c"]:
    """Resizes an image, or a part of it; antialiased where it shrinks.

    Args:
      image: [H, W, C] of any number of channels.
      size: (height, width) of the result in pixels; a number for a square.
      interpolation: "bilinear" or "bicubic".
      part: the part to take; pixels beside it count where the kernel reaches over its border. To
        cut a crop out first, as torchvision does, slice the image instead.

    Example:
      >>> resize(np.array([[0, 100], [0, 100]], np.uint8)[..., None], 1).ravel().tolist()
      [50]
    """
    height, width = size if isinstance(size, tuple) else (size, size)
    channels = image.shape[-1]
    if channels not in _PIXELS:  # channel by channel, neither knows so many
        planes = [
            resize(image[..., c : c + 1], size, interpolation=interpolation, part=part)
            for c in range(channels)
        ]
        return np.concatenate(planes, axis=-1)
    if fast is not None:
        return _by_fast(image, height, width, interpolation, part)
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    box = part and (part[0], part[1], part[0] + part[2], part[1] + part[3])
    resized = picture.resize((width, height), _IN_PILLOW[interpolation], box=box)
    return np.asarray(resized).reshape(height, width, channels)


def _by_fast(
    image: UInt8[np.ndarray, "_h _w c"],
    height: int,
    width: int,
    interpolation: str,
    part: Part | None,
) -> UInt8[np.ndarray, "{height} {width} c"]:
    kind = fast.PixelType[_PIXELS[image.shape[-1]]]
    source = fast.ImageData(image.shape[1], image.shape[0], kind, image.tobytes())
    result = fast.ImageData(width, height, kind)
    options = fast.ResizeOptions(
        resize_alg=fast.ResizeAlg.convolution(fast.FilterType[_IN_FAST[interpolation]]),
        use_alpha=False,
        crop_box=part and fast.CropBox(*part),
    )
    fast.Resizer().resize(source, result, options)
    return np.frombuffer(result.get_buffer(), np.uint8).reshape(height, width, -1)
