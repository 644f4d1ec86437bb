"""Random resized crop and flip of one image, with torchvision's semantics.

The crop is a true crop-then-resize: half-pixel centres, antialiased when it shrinks (the filter
stretches with the scale), and no pixel outside the crop is ever read. It equals torchvision's
`resized_crop(..., antialias=True)` on float tensors; bicubic overshoot is clipped to [0, 1].

One path serves every scale. Rows are gathered, with as many taps per output row as the largest crop
needs; columns are one product with a dense weight matrix. Two gathers would need less arithmetic,
but on CPU XLA fuses a gather with everything that reads its result and repeats it for each; the
product in between keeps them apart. Two products take about twice as long as a gather and a
product.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

ATTEMPTS = 10  # draws before torchvision falls back to a central crop


class Box(NamedTuple):
    """Part of an image in pixels: rows top to top + height, columns left to left + width.

    top: first row.
    left: first column.
    height: number of rows.
    width: number of columns.
    """

    top: Int[Array, ""]
    left: Int[Array, ""]
    height: Int[Array, ""]
    width: Int[Array, ""]


def whole(height: int, width: int) -> Box:
    """The box that holds the whole image."""
    return Box(*(jnp.asarray(value, jnp.int32) for value in (0, 0, height, width)))


def sample_box(
    key: Key[Array, ""],
    height: int,
    width: int,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> Box:
    """Draws a box as torchvision's `RandomResizedCrop.get_params` does.

    The first of ten draws that fits is placed uniformly. If none fits, the result is the largest
    central box with a ratio within bounds.

    Args:
      key: random key.
      height: of the image, in pixels.
      width: of the image, in pixels.
      scale: range of the area as a share of the image; uniform.
      ratio: range of the aspect ratio width / height; log-uniform.

    Returns:
      The box.
    """
    u = jax.random.uniform(key, (2 * ATTEMPTS + 2,))
    area = height * width * (scale[0] + u[:ATTEMPTS] * (scale[1] - scale[0]))
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = jnp.exp(low + u[ATTEMPTS:-2] * (high - low))
    heights, widths = jnp.round(jnp.sqrt(area / aspect)), jnp.round(jnp.sqrt(area * aspect))
    fits = (heights > 0) & (heights <= height) & (widths > 0) & (widths <= width)

    # round() is half to even, as in Python.
    fallback_height = min(height, round(width / ratio[0]))
    fallback_width = min(width, round(height * ratio[1]))
    first, found = jnp.argmax(fits), jnp.any(fits)
    h = jnp.where(found, heights[first], fallback_height).astype(jnp.int32)
    w = jnp.where(found, widths[first], fallback_width).astype(jnp.int32)
    top = jnp.where(found, jnp.floor(u[-2] * (height - h + 1)), (height - h) // 2)
    left = jnp.where(found, jnp.floor(u[-1] * (width - w + 1)), (width - w) // 2)
    return Box(top.astype(jnp.int32), left.astype(jnp.int32), h, w)


def resized_crop(
    image: Float[Array, "h w c"], box: Box, *, size: int, interpolation: str = "bilinear"
) -> Float[Array, "{size} {size} c"]:
    """Cuts a box out of an image and resizes it.

    Args:
      image: [H, W, C].
      box: the part to cut out.
      size: side of the result in pixels.
      interpolation: "bilinear" or "bicubic".

    Returns:
      The crop, [size, size, C].

    Example:
      >>> image = jnp.arange(16.0).reshape(4, 4, 1)
      >>> round(float(resized_crop(image, whole(4, 4), size=1)[0, 0, 0]), 3)
      7.5
    """
    height, width, _ = image.shape
    kernel, radius = FILTERS[interpolation]

    # No box is larger than the image, so this many taps span the kernel at any scale.
    taps = math.ceil(2 * radius * max(1.0, height / size))
    centre, stretch = _centres(box.height, size)
    first = jnp.floor(centre - radius * stretch + 0.5)
    rows = first[:, None] + jnp.arange(taps)[None, :]
    row_weights = _weights(rows, box.height, size, kernel)
    rows = jnp.clip(rows.astype(jnp.int32) + box.top, 0, height - 1)
    planes = jnp.moveaxis(image, -1, 0)
    planes = sum(
        row_weights[None, :, t, None] * planes.at[:, rows[:, t]].get(mode="promise_in_bounds")
        for t in range(taps)
    )

    # TensorFloat-32, the default on GPUs, would be off by an eighth of one of 256 grey levels.
    columns = jnp.broadcast_to(jnp.arange(width) - box.left, (size, width))
    column_weights = _weights(columns, box.width, size, kernel)
    planes = jnp.einsum("chw,pw->chp", planes, column_weights, precision="highest")
    image = jnp.moveaxis(planes, 0, -1)
    return jnp.clip(image, 0, 1) if interpolation == "bicubic" else image


def random_flip(
    key: Key[Array, ""], image: Float[Array, "h w c"], *, probability: float
) -> Float[Array, "h w c"]:
    """Mirrors an image left to right with `probability`.

    Args:
      key: random key.
      image: [H, W, C].
      probability: how often the image is mirrored.

    Returns:
      The mirrored image, or the image itself.
    """
    return jnp.where(jax.random.bernoulli(key, probability), image[:, ::-1], image)


def _centres(length, size):
    """Positions of the `size` outputs in a crop of `length` pixels, and the kernel's stretch."""
    scale = length / size
    return scale * (jnp.arange(size) + 0.5), jnp.maximum(scale, 1)


def _weights(pixels, length, size, kernel):
    """Weights [size, taps] of `pixels` [size, taps], counted from the start of a crop of `length`.

    Pixels outside the crop have no weight, and the weights of an output sum to one.
    """
    centre, stretch = _centres(length, size)
    weights = kernel((pixels + 0.5 - centre[:, None]) / stretch)
    weights = jnp.where((pixels >= 0) & (pixels < length), weights, 0)
    return weights / jnp.sum(weights, axis=1, keepdims=True)


def _triangle(x):
    return jnp.maximum(0, 1 - jnp.abs(x))


def _cubic(x):
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, a = -0.5."""
    x = jnp.minimum(jnp.abs(x), 2)
    return jnp.where(x < 1, (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2)


FILTERS = {"bilinear": (_triangle, 1), "bicubic": (_cubic, 2)}  # kernel and its radius in pixels
