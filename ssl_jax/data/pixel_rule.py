"""What holds for every image of a set: how pixels become 8 bits, and how many there may be."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8

from ssl_jax.data.depth import ValueRange, has_range, to_uint8

# A file of few bytes may fill the memory: so many pixels are 300 MB in RGB, and several times that
# while they are decoded and resized. The largest image of ImageNet has 61 million.
MAX_PIXELS = 100_000_000


class PixelRule(NamedTuple):
    """One rule for all images of a set.

    value_range: (black, white) of pixels that are not of 8 bits, as the user says; () for that of
      their type.
    usual_range: of pixels whose type has no range of its own, as found in the set; () if unknown.
    max_pixels: number of pixels that an image may have.
    """

    value_range: ValueRange = ()
    usual_range: ValueRange = ()
    max_pixels: int = MAX_PIXELS

    def scale(self, pixels: Shaped[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n"]:
        """Pixels of any type as 8 bits.

        Raises:
          ValueError: if the range of their type is not known.
        """
        if pixels.dtype in (np.uint8, np.bool_):
            return to_uint8(pixels)
        own = () if has_range(pixels.dtype) else self.usual_range
        return to_uint8(pixels, self.value_range or own)

    def check_size(self, height: int, width: int) -> None:
        """Refuses an image that is too large.

        Raises:
          ValueError: with the reason.
        """
        if height * width > self.max_pixels:
            raise ValueError(
                f"its {width:,} x {height:,} pixels are more than {self.max_pixels:,}; "
                "--config.data.max_pixels raises the limit"
            )
