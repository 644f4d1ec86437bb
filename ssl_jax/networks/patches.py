"""Images as rows of flat patches, and back."""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Array, Shaped

from ssl_jax.errors import Problem, refuse

AnyArray = Array | np.ndarray


def patch_problems(patch_size: int, sides: Iterable[int]) -> Iterator[Problem]:
    """Sides of images, in pixels, that patches of this size do not divide."""
    for side in dict.fromkeys(sides):
        if side % patch_size:
            yield Problem("patch_size", patch_size, f"must divide the {side} pixels of an image")


def patchify(images: Shaped[AnyArray, "n h w c"], size: int) -> Shaped[AnyArray, "n l d"]:
    """Cuts images into patches of size x size pixels.

    Patches come row by row, and so do the pixels of a patch, channels last.

    Args:
      images: [N, H, W, C].
      size: side of the patches in pixels.

    Returns:
      Patches [N, L, D] with L = (H / size) (W / size) and D = size * size * C.

    Raises:
      UserError: if `size` does not divide height and width.

    Example:
      >>> images = np.arange(16).reshape(1, 4, 4, 1)
      >>> patchify(images, 2)[0].tolist()
      [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    """
    n, height, width, channels = images.shape
    refuse(patch_problems(size, (height, width)))
    rows, columns = height // size, width // size
    patches = images.reshape(n, rows, size, columns, size, channels).swapaxes(2, 3)
    return patches.reshape(n, rows * columns, size * size * channels)


def unpatchify(
    patches: Shaped[AnyArray, "n l d"], size: int, height: int, width: int
) -> Shaped[AnyArray, "n {height} {width} c"]:
    """Puts the patches of `patchify` back into images.

    Args:
      patches: [N, L, D].
      size: side of the patches in pixels.
      height: of the images in pixels.
      width: of the images in pixels.

    Returns:
      Images [N, height, width, C].

    Raises:
      UserError: if `size` does not divide height and width.

    Example:
      >>> images = np.arange(16).reshape(1, 4, 4, 1)
      >>> bool((unpatchify(patchify(images, 2), 2, 4, 4) == images).all())
      True
    """
    refuse(patch_problems(size, (height, width)))
    n, rows, columns = patches.shape[0], height // size, width // size
    images = patches.reshape(n, rows, columns, size, size, -1).swapaxes(2, 3)
    return images.reshape(n, height, width, -1)
