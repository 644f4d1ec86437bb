"""Pixels of 16 bits and more, or fractions, to 8 bits: by one range of values for a whole set.

The range is `config.data.value_range`, or that of the type where it has one in practice: 0 to 65535
for 16 bits. Whole numbers of 32 bits and fractions have none; what their set holds decides between
the usual ranges, and that is said.
"""

import numpy as np
from jaxtyping import Shaped, UInt8

from ssl_jax.errors import Number, Problem, UserError

# Black and white; () where it is not known.
ValueRange = tuple[Number, ...]

SIXTEEN_BITS = (0.0, 65535.0)
RANGES_OF_INTEGERS = ((0.0, 1.0), (0.0, 255.0), SIXTEEN_BITS)
RANGES_OF_FRACTIONS = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), SIXTEEN_BITS)
# Fractions may be beyond their range by so much of it, as after resizing.
OVERSHOOT = 0.01
# Images whose pixels span less, of 255, are of almost one value.
ALMOST_ONE_VALUE = 8
HOW = "--config.data.value_range=BLACK,WHITE"


def has_range(dtype: np.dtype) -> bool:
    """Whether the type alone says what black and white are."""
    return dtype in (np.uint8, np.uint16, np.bool_)


def to_uint8(
    pixels: Shaped[np.ndarray, "*n"], value_range: ValueRange = ()
) -> UInt8[np.ndarray, "*n"]:
    """Scales pixels such that black becomes 0 and white 255; what is beyond is clipped.

    Args:
      pixels: of any real type.
      value_range: (black, white); () for that of the type.

    Raises:
      ValueError: if the type has no range of its own and none is given, or pixels are not finite.

    >>> to_uint8(np.array([0, 4095, 65535], np.uint16)).tolist()
    [0, 15, 255]
    >>> to_uint8(np.array([0, 4095, 65535], np.uint16), (0, 4095)).tolist()
    [0, 255, 255]
    """
    if not value_range:
        if pixels.dtype == np.uint8:
            return pixels
        if pixels.dtype == np.uint16:  # the high byte, as Pillow does with colours
            return (pixels >> 8).astype(np.uint8)
        if pixels.dtype == np.bool_:
            return pixels.astype(np.uint8) * np.uint8(255)
        raise ValueError(f"pixels of {pixels.dtype} have no range of their own; give it: {HOW}")
    if not np.isfinite(pixels).all():
        raise ValueError("it has pixels that are not finite")
    black, white = value_range
    scaled = (pixels.astype(np.float64) - black) * (255 / (white - black))
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def usual_range(dtype: np.dtype, low: Number, high: Number) -> ValueRange:
    """The usual range of values that holds those of a set; () where the type's own does.

    Args:
      dtype: of the pixels.
      low: smallest value in the set.
      high: largest value.

    Raises:
      UserError: if no usual range holds them.

    >>> usual_range(np.dtype("int32"), 3, 250), usual_range(np.dtype("float32"), -0.9, 0.8)
    ((0.0, 255.0), (-1.0, 1.0))
    """
    if has_range(dtype):
        return ()
    integers = np.issubdtype(dtype, np.integer)
    slack = 0.0 if integers else OVERSHOOT
    for black, white in RANGES_OF_INTEGERS if integers else RANGES_OF_FRACTIONS:
        more = slack * (white - black)
        if black - more <= low and high <= white + more:
            return black, white
    what = f"is not given, and pixels of {dtype} from {low:g} to {high:g} do not say what is white"
    problem = Problem("value_range", None, what, f"give it: {HOW}")
    raise UserError(f"{problem}; {problem.remedy}", problem)


def range_notes(dtype: np.dtype, low: Number, high: Number, value_range: ValueRange) -> list[str]:
    """How pixels are scaled, for a set that is not of 8 bits; and a warning where it gets dark.

    value_range: as given or found; () for that of the type.
    """
    if dtype in (np.uint8, np.bool_) and not value_range:
        return []
    black, white = value_range or SIXTEEN_BITS
    found = f"{dtype}, found {low:g} to {high:g}"
    notes = [f"pixels ({found}) are scaled from {black:g} to {white:g}; another range: {HOW}"]
    if high - black < (white - black) / 8:
        bits = next((n for n in (8, 10, 12, 14) if high < 2**n), 16)
        advice = f"; of {bits} bits, they are --config.data.value_range=0,{2**bits - 1}"
        notes.append(
            f"warning: so scaled, all images are nearly black{advice if bits < 16 else ''}"
        )
    return notes


def range_problem(value_range: ValueRange) -> Problem | None:
    """What is wrong with a range that a user gave."""
    if not value_range or (len(value_range) == 2 and value_range[0] != value_range[1]):
        return None
    return Problem("value_range", value_range, "must be (black, white), two different numbers")
