"""Colour operations on one image with values in [0, 1], as torchvision defines them on float tensors.

Brightness, contrast and saturation blend the image with black, with its mean grey and with its grey
image; each result is clipped to [0, 1]. Hue turns in HSV space. Hue, saturation and grey need RGB;
the others take any number of channels.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

LUMA = (0.2989, 0.587, 0.114)  # torchvision's weights of red, green and blue

Image = Float[Array, "h w c"]
RGB = Float[Array, "h w 3"]
Factor = Float[Array, ""] | float


def adjust_brightness(image: Image, factor: Factor) -> Image:
    """A blend of the image (factor 1) and black (factor 0)."""
    return _blend(image, 0.0, factor)


def adjust_contrast(image: Image, factor: Factor) -> Image:
    """A blend of the image (factor 1) and its mean grey (factor 0)."""
    return _blend(image, jnp.mean(_grey(image)), factor)


def adjust_saturation(image: RGB, factor: Factor) -> RGB:
    """A blend of the image (factor 1) and its grey image (factor 0)."""
    return _blend(image, _grey(image), factor)


def adjust_hue(image: RGB, shift: Factor) -> RGB:
    """The image with every hue turned by `shift` of the colour circle, in [-0.5, 0.5]."""
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    value = jnp.maximum(jnp.maximum(red, green), blue)
    chroma = value - jnp.minimum(jnp.minimum(red, green), blue)
    safe = jnp.where(chroma == 0, 1, chroma)
    hue = jnp.where(
        value == red,
        (green - blue) / safe,
        jnp.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    # A channel is the value less the chroma times a trapezoid in its distance on the circle of
    # six. floor, not %: fmod is ten times slower on CPU.
    k = (hue + 6 * shift)[..., None] + jnp.array([5.0, 3.0, 1.0])[None, None, :]
    k = k - 6 * jnp.floor(k / 6)
    return value[..., None] - chroma[..., None] * jnp.clip(jnp.minimum(k, 4 - k), 0, 1)


def greyscale(image: RGB) -> RGB:
    """The grey image, the same in all three channels."""
    return jnp.broadcast_to(_grey(image), image.shape)


def solarize(image: Image, threshold: float) -> Image:
    """The image with every value that is at least `threshold` inverted."""
    return jnp.where(image >= threshold, 1 - image, image)


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

    Factors are uniform in [max(0, 1 - strength), 1 + strength], the hue shift in [-hue, hue]; an
    operation of strength 0 is left out. Every order of the others is equally likely.

    The order differs from image to image, so a batch has to compute whatever any image needs. The
    three blends are one formula, so each order of four operations is found among three blends, a
    hue, three blends, where blends that an image does not use are the identity (factor 1).
    """
    strengths = (brightness, contrast, saturation)
    blends = [index for index in range(3) if strengths[index] > 0]
    strength = np.array([strengths[index] for index in blends])
    count = len(blends)
    u = jax.random.uniform(key, (count + 4,))
    low, high = np.maximum(0, 1 - strength), 1 + strength
    factors = low + u[:count] * (high - low)
    applied, shift = u[-1] < probability, hue * (2 * u[-2] - 1)
    orders = np.array(list(itertools.permutations(range(count))))
    order = jnp.asarray(orders)[jnp.floor(u[-3] * math.factorial(count)).astype(jnp.int32)]
    before = jnp.floor(u[-4] * (count + 1))  # how many blends come before the hue

    def blend(step, image, used):
        op = order[step]
        factor = jnp.where(used, factors[op], 1)
        base = jnp.zeros(())
        if contrast or saturation:
            grey = _grey(image)
        if saturation:
            base = base + jnp.where(op == blends.index(2), grey, 0)
        if contrast:
            base = base + jnp.where(op == blends.index(1), jnp.mean(grey), 0)
        return _blend(image, base, factor)

    jittered = image
    for step in range(count):
        jittered = blend(step, jittered, not hue or step < before)
    if hue:
        jittered = adjust_hue(jittered, shift)
        for step in range(count):
            jittered = blend(step, jittered, step >= before)
    return jnp.where(applied, jittered, image)


def random_greyscale(key: Key[Array, ""], image: RGB, *, probability: float) -> RGB:
    """The grey image with `probability`, the image itself otherwise."""
    return jnp.where(jax.random.bernoulli(key, probability), _grey(image), image)


def random_solarize(
    key: Key[Array, ""], image: Image, *, probability: float, threshold: float
) -> Image:
    """The solarized image with `probability`, the image itself otherwise."""
    return jnp.where(jax.random.bernoulli(key, probability), solarize(image, threshold), image)


def _grey(image):
    """Luma [h, w, 1] of RGB; of any other number of channels their mean."""
    if image.shape[-1] != 3:
        return jnp.mean(image, axis=-1, keepdims=True)
    red, green, blue = image[..., 0:1], image[..., 1:2], image[..., 2:3]
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def _blend(image, base, factor):
    return jnp.clip(factor * image + (1 - factor) * base, 0, 1)
