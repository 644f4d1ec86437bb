"""Whether arrays of images have their channels first or last."""

# Numbers of channels that most images have.
USUAL = (1, 3, 4)


def channels_first(shape: tuple[int, int, int]) -> bool | None:
    """Whether an array is [C, H, W] rather than [H, W, C]; None where it cannot be told.

    A square is two sides of an image. Otherwise the end of a usual number of channels is theirs, or
    one that is less than half the other.

    >>> [channels_first(shape) for shape in ((3, 32, 32), (32, 32, 3), (4, 4, 3), (3, 4, 4))]
    [True, False, False, True]
    >>> [channels_first(shape) for shape in ((13, 64, 48), (3, 5, 3), (3, 8, 4), (13, 6, 9))]
    [True, False, None, None]
    """
    first, middle, last = shape
    if (first == middle) != (middle == last):
        return middle == last
    usual_first, usual_last = first in USUAL, last in USUAL
    if usual_first != usual_last:
        return usual_first
    if first == last:
        return False
    return None if usual_first or max(first, last) < 2 * min(first, last) else first < last
