"""Colour operations on one image in [0, 1], as torchvision defines them on float tensors.

Brightness, contrast and saturation blend the image with black, with its mean grey and with its grey
image; each result is clipped to [0, 1]. Hue is shifted in HSV space. Hue, saturation and grey need
RGB; the others take any number of channels. Internally an image is planar, [c, h, w]: XLA
vectorises along the last axis.
"""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

LUMA = (0.2989, 0.587, 0.114)  # torchvision's weights of red, green and blue
BRIGHTNESS, CONTRAST, SATURATION = range(3)  # the three blends

Image = Float[Array, "h w c"]
RGB = Float[Array, "h w 3"]
Scalar = Float[Array, ""] | float


def adjust_brightness(image: Image, factor: Scalar) -> Image:
    """Blends an image with black.

    Args:
      image: [H, W, C].
      factor: 1 for the image itself, 0 for black; above 1 it becomes brighter.

    Returns:
      The blend, clipped to [0, 1].

    Example:
      >>> float(adjust_brightness(jnp.ones((1, 1, 3)), 0.5)[0, 0, 0])
      0.5
    """
    return _to_image(_blend(_to_planes(image), factor))


def adjust_contrast(image: Image, factor: Scalar) -> Image:
    """Blends an image with its mean grey.

    Args:
      image: [H, W, C].
      factor: 1 for the image itself, 0 for its mean grey.

    Returns:
      The blend, clipped to [0, 1].
    """
    return _to_image(_blend(_to_planes(image), factor, mean=1 - factor))


def adjust_saturation(image: RGB, factor: Scalar) -> RGB:
    """Blends an image with its grey image.

    Args:
      image: RGB, [H, W, 3].
      factor: 1 for the image itself, 0 for its grey image.

    Returns:
      The blend, clipped to [0, 1].
    """
    return _to_image(_blend(_to_planes(image), factor, grey=1 - factor))


def adjust_hue(image: RGB, shift: Scalar) -> RGB:
    """Shifts every hue of an image.

    Args:
      image: RGB, [H, W, 3].
      shift: part of the colour circle, in [-0.5, 0.5].

    Returns:
      The shifted image.

    Example:
      >>> red = jnp.array([[[1.0, 0.0, 0.0]]])
      >>> adjust_hue(red, 0.5).tolist()  # cyan
      [[[0.0, 1.0, 1.0]]]
    """
    return _to_image(_turn_hue(_to_planes(image), shift))


def greyscale(image: RGB) -> RGB:
    """The grey image, the same in all three channels.

    Args:
      image: RGB, [H, W, 3].

    Returns:
      Its luma, [H, W, 3].

    Example:
      >>> round(float(greyscale(jnp.ones((1, 1, 3)))[0, 0, 0]), 4)
      0.9999
    """
    return jnp.broadcast_to(_to_image(_grey(_to_planes(image))), image.shape)


def solarize(image: Image, threshold: float) -> Image:
    """Inverts every value that is at least `threshold`.

    Args:
      image: [H, W, C].
      threshold: in [0, 1].

    Returns:
      The solarized image.

    Example:
      >>> solarize(jnp.array([[[0.25], [0.75]]]), 0.5).tolist()
      [[[0.25], [0.25]]]
    """
    return jnp.where(image >= threshold, 1 - image, image)


class Jitter(NamedTuple):
    """A sample of colour jitter for one image.

    factors: of the blends in use.
    order: the blends in use, first to last, as indices into `factors`.
    before: how many of them come before the hue.
    shift: of the hue.
    """

    factors: Float[Array, " blends"]
    order: Int[Array, " blends"]
    before: Int[Array, ""]
    shift: Float[Array, ""]


def sample_jitter(key: Key[Array, ""], strengths: tuple[float, ...], hue: float) -> Jitter:
    """Draws factors, a hue shift, and their order.

    Every order of the blends is equally likely, and so is every position of the hue among them.

    Args:
      key: random key.
      strengths: of the blends; factors are uniform in [max(0, 1 - strength), 1 + strength].
      hue: the shift is uniform in [-hue, hue].

    Returns:
      The sample.
    """
    count, strength = len(strengths), np.array(strengths)
    u = jax.random.uniform(key, (count + 3,))
    low, high = np.maximum(0, 1 - strength), 1 + strength
    orders = jnp.array(list(itertools.permutations(range(count))), jnp.int32)
    return Jitter(
        factors=jnp.asarray(low) + u[:count] * (high - low),
        order=orders[jnp.floor(u[count] * math.factorial(count)).astype(jnp.int32)],
        before=jnp.floor(u[count + 1] * (count + 1)).astype(jnp.int32),
        shift=hue * (2 * u[count + 2] - 1),
    )


def color_jitter(
    key: Key[Array, ""],
    image: Image,
    *,
    probability: float,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
) -> Image:
    """Changes brightness, contrast, saturation and hue in random order, all with `probability`.

    The order differs from image to image, so a batch computes everything that any of its images
    needs. The three blends are one formula, so each of the 24 orders is contained in "three blends,
    hue, three blends", where a blend that the image does not need has factor 1, the identity.

    Args:
      key: random key.
      image: [H, W, C].
      probability: how often the image is changed.
      brightness: torchvision's strength, see `sample_jitter`; 0 leaves the brightness as it is.
      contrast: strength of its change.
      saturation: strength of its change; needs RGB unless it is 0.
      hue: strength of its change, at most 0.5; needs RGB unless it is 0.

    Returns:
      The changed image, or the image itself.
    """
    apply_key, sample_key = jax.random.split(key)
    strengths = {BRIGHTNESS: brightness, CONTRAST: contrast, SATURATION: saturation}
    strengths = {kind: strength for kind, strength in strengths.items() if strength > 0}
    kinds = tuple(strengths)
    jitter = sample_jitter(sample_key, tuple(strengths.values()), hue)

    planes = _to_planes(image)
    if hue:
        step = jnp.arange(len(kinds))
        jittered = _blends(planes, jitter, kinds, step < jitter.before)
        jittered = _turn_hue(jittered, jitter.shift)
        jittered = _blends(jittered, jitter, kinds, step >= jitter.before)
    else:
        jittered = _blends(planes, jitter, kinds, jnp.array(True))
    applied = jax.random.bernoulli(apply_key, probability)
    return _to_image(jnp.where(applied, jittered, planes))


def random_greyscale(key: Key[Array, ""], image: RGB, *, probability: float) -> RGB:
    """Replaces an image by its grey image with `probability`.

    Args:
      key: random key.
      image: RGB, [H, W, 3].
      probability: how often the image becomes grey.

    Returns:
      The grey image, or the image itself.
    """
    return jnp.where(jax.random.bernoulli(key, probability), greyscale(image), image)


def random_solarize(
    key: Key[Array, ""], image: Image, *, probability: float, threshold: float
) -> Image:
    """Solarizes an image with `probability`.

    Args:
      key: random key.
      image: [H, W, C].
      probability: how often the image is solarized.
      threshold: see `solarize`.

    Returns:
      The solarized image, or the image itself.
    """
    return jnp.where(jax.random.bernoulli(key, probability), solarize(image, threshold), image)


def _to_planes(image):
    return jnp.moveaxis(image, -1, 0)


def _to_image(planes):
    return jnp.moveaxis(planes, 0, -1)


def _grey(planes):
    """Luma [1, h, w] of RGB; the mean for any other number of channels."""
    if planes.shape[0] != 3:
        return jnp.mean(planes, axis=0, keepdims=True)
    return LUMA[0] * planes[0:1] + LUMA[1] * planes[1:2] + LUMA[2] * planes[2:3]


def _blends(planes, jitter, kinds, used):
    """Applies the blends in their order; those that are not `used` have factor 1."""
    if not kinds:
        return planes
    # The factors of all blends are one vector, which XLA computes once per image; separate factors
    # would be fused into the loop over the pixels.
    factors = jnp.where(used, jitter.factors[jitter.order], 1)
    kind = jnp.array(kinds)[jitter.order]
    absent = [None] * len(kinds)
    greys = jnp.where(kind == SATURATION, 1 - factors, 0) if SATURATION in kinds else absent
    means = jnp.where(kind == CONTRAST, 1 - factors, 0) if CONTRAST in kinds else absent
    for factor, grey, mean in zip(factors, greys, means, strict=True):
        planes = _blend(planes, factor, grey, mean)
    return planes


def _blend(planes, factor, grey=None, mean=None):
    """The image times `factor`, plus its grey image times `grey` and its mean grey times `mean`."""
    base = 0.0
    if grey is not None:
        base = base + grey * _grey(planes)
    if mean is not None:
        base = base + mean * jnp.mean(_grey(planes))
    return jnp.clip(factor * planes + base, 0, 1)


def _turn_hue(planes, shift):
    red, green, blue = planes
    value = jnp.maximum(jnp.maximum(red, green), blue)
    chroma = value - jnp.minimum(jnp.minimum(red, green), blue)
    divisor = jnp.where(chroma == 0, 1, chroma)
    hue = jnp.where(
        value == red,
        (green - blue) / divisor,
        jnp.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    hue = hue + 6 * shift

    def channel(offset):
        # The value minus a part of the chroma, a trapezoid over the hue on a circle of six.
        k = hue + offset
        k = k - 6 * jnp.floor(k / 6)  # not %, which is ten times slower on CPU
        return value - chroma * jnp.clip(jnp.minimum(k, 4 - k), 0, 1)

    return jnp.stack([channel(5), channel(3), channel(1)])
