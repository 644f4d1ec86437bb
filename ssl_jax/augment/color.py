"""Colour operations on one image in [0, 1], as torchvision defines them on float tensors.

Brightness, contrast and saturation blend the image with black, with its mean grey and with its grey
image; each result is clipped to [0, 1]. Hue turns in HSV space. Hue, saturation and grey need RGB;
the others take any number of channels. Inside, an image is planar, [c, h, w]: XLA vectorises along
the last axis.
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
    """A blend of the image (factor 1) and black (factor 0)."""
    return _to_image(_blend(_to_planes(image), factor))


def adjust_contrast(image: Image, factor: Scalar) -> Image:
    """A blend of the image (factor 1) and its mean grey (factor 0)."""
    return _to_image(_blend(_to_planes(image), factor, mean=1 - factor))


def adjust_saturation(image: RGB, factor: Scalar) -> RGB:
    """A blend of the image (factor 1) and its grey image (factor 0)."""
    return _to_image(_blend(_to_planes(image), factor, grey=1 - factor))


def adjust_hue(image: RGB, shift: Scalar) -> RGB:
    """The image with every hue turned by `shift` of the colour circle, in [-0.5, 0.5]."""
    return _to_image(_turn_hue(_to_planes(image), shift))


def greyscale(image: RGB) -> RGB:
    """The grey image, the same in all three channels."""
    return jnp.broadcast_to(_to_image(_grey(_to_planes(image))), image.shape)


def solarize(image: Image, threshold: float) -> Image:
    """The image with every value that is at least `threshold` inverted."""
    return jnp.where(image >= threshold, 1 - image, image)


class Jitter(NamedTuple):
    """What colour jitter does to one image.

    factors: of the blends in use. order: the blends in use, first to last, as indices into
    `factors`. before: how many of them come before the hue. shift: the turn of the hue.
    """

    factors: Float[Array, " blends"]
    order: Int[Array, " blends"]
    before: Int[Array, ""]
    shift: Float[Array, ""]


def sample_jitter(key: Key[Array, ""], strengths: tuple[float, ...], hue: float) -> Jitter:
    """Factors uniform in [max(0, 1 - strength), 1 + strength], a shift uniform in [-hue, hue].

    Every order of the blends is equally likely, and so is every place of the hue among them.
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
    """Brightness, contrast, saturation and hue changed in random order, all with `probability`.

    The strengths are torchvision's, see `sample_jitter`; what has strength 0 is left out.

    The order differs from image to image, so a batch computes whatever any of its images needs. The
    three blends are one formula, so each of the 24 orders is found in "three blends, hue, three
    blends", where a blend that the image does not need has factor 1, the identity.
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
    """The grey image with `probability`, the image itself otherwise."""
    return jnp.where(jax.random.bernoulli(key, probability), greyscale(image), image)


def random_solarize(
    key: Key[Array, ""], image: Image, *, probability: float, threshold: float
) -> Image:
    """The solarized image with `probability`, the image itself otherwise."""
    return jnp.where(jax.random.bernoulli(key, probability), solarize(image, threshold), image)


def _to_planes(image):
    return jnp.moveaxis(image, -1, 0)


def _to_image(planes):
    return jnp.moveaxis(planes, 0, -1)


def _grey(planes):
    """Luma [1, h, w] of RGB; of any other number of channels their mean."""
    if planes.shape[0] != 3:
        return jnp.mean(planes, axis=0, keepdims=True)
    return LUMA[0] * planes[0:1] + LUMA[1] * planes[1:2] + LUMA[2] * planes[2:3]


def _blends(planes, jitter, kinds, used):
    """The blends in their order; those that are not `used` have factor 1."""
    if not kinds:
        return planes
    # The factors of all blends are one vector, which XLA computes once an image; each by itself
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
    """The image times `factor`, its grey image times `grey` and its mean grey times `mean`."""
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
        # The value, less a part of the chroma that is a trapezoid in the hue on a circle of six.
        k = hue + offset
        k = k - 6 * jnp.floor(k / 6)  # not %, which is ten times slower on CPU
        return value - chroma * jnp.clip(jnp.minimum(k, 4 - k), 0, 1)

    return jnp.stack([channel(5), channel(3), channel(1)])
