"""Gaussian blur of one image, with torchvision's kernel and reflected border.

The kernel is separable. Along the columns it is a product with a banded matrix, along the rows a
sum of shifted images. Two sums of shifts would need less arithmetic, but on CPU XLA fuses such a
sum with whatever computes its input and repeats that for each tap; the product in front keeps them
apart. A depthwise convolution, whose kernel differs from image to image, is far slower.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key


def gaussian_blur(
    image: Float[Array, "h w c"], sigma: Float[Array, ""] | float, *, kernel: int
) -> Float[Array, "h w c"]:
    """Blurs an image with a Gaussian.

    Args:
      image: [H, W, C].
      sigma: standard deviation in pixels.
      kernel: taps per side, after which the Gaussian is cut off; odd, at most 2 * min(H, W) - 1.

    Returns:
      The blurred image.

    Example:
      >>> image = jnp.zeros((3, 3, 1)).at[1, 1].set(1.0)
      >>> round(float(gaussian_blur(image, 1.0, kernel=3)[1, 1, 0]), 3)
      0.204
    """
    return _convolve(image, _taps(sigma, kernel))


def random_blur(
    key: Key[Array, ""],
    image: Float[Array, "h w c"],
    *,
    probability: float,
    sigma: tuple[float, float],
    kernel: int,
) -> Float[Array, "h w c"]:
    """Blurs an image with `probability`, with a random width.

    Args:
      key: random key.
      image: [H, W, C].
      probability: how often the image is blurred.
      sigma: range in which the standard deviation, in pixels, is uniform.
      kernel: taps per side; see `gaussian_blur`.

    Returns:
      The blurred image, or the image itself.
    """
    u = jax.random.uniform(key, (2,))
    taps = _taps(sigma[0] + u[0] * (sigma[1] - sigma[0]), kernel)
    identity = jnp.arange(taps.size) == 0
    return _convolve(image, jnp.where(u[1] < probability, taps, identity))


def _taps(sigma, kernel):
    """The weights of the pixel itself and of those 1, 2, ..., kernel // 2 away on either side."""
    distance = jnp.arange(kernel // 2 + 1)
    weights = jnp.exp(-0.5 * (distance / sigma) ** 2)
    return weights / (2 * jnp.sum(weights) - weights[0])


def _convolve(image, taps):
    height, width, _ = image.shape
    reach = taps.size - 1
    matrix = jnp.einsum("t,tpw->pw", taps, _pixels_at_distance(width, reach), precision="highest")
    planes = jnp.moveaxis(image, -1, 0)
    planes = jnp.einsum("chw,pw->chp", planes, matrix, precision="highest")
    planes = jnp.pad(planes, ((0, 0), (reach, reach), (0, 0)), mode="reflect")
    # Without the barrier a GPU writes every shifted image to memory before adding them up; on a CPU
    # it makes no difference.
    planes = jax.lax.optimization_barrier(planes)
    planes = sum(
        taps[abs(offset - reach)] * planes[:, offset : offset + height]
        for offset in range(2 * reach + 1)
    )
    return jnp.moveaxis(planes, 0, -1)


def _pixels_at_distance(width, reach):
    """[t, p, w]: how often pixel w is t away from pixel p with a mirrored border; 0, 1 or 2."""
    mirrored = np.pad(np.arange(width), reach, mode="reflect")
    counts = np.zeros((reach + 1, width, width), np.float32)
    for offset in range(-reach, reach + 1):
        pixel = np.arange(width)
        counts[abs(offset), pixel, mirrored[pixel + offset + reach]] += 1
    return counts
