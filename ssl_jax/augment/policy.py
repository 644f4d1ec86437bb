"""Specifications of the views of an image, and the function that makes the views of a batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from ssl_jax.augment.blur import random_blur
from ssl_jax.augment.color import color_jitter, random_greyscale, random_solarize
from ssl_jax.augment.crop import FILTERS, random_flip, resized_crop, sample_box, whole
from ssl_jax.errors import Problem, refuse, within
from ssl_jax.options.judge import options_of, value_problems
from ssl_jax.options.kinds import (
    Ascending,
    Copies,
    Number,
    OneOf,
    Pixels,
    PixelsOrNone,
    Range,
    Share,
    ShareAboveZero,
)

# Whole images, or for each view the images that were cropped for it already.
Images = UInt8[Array, "n h w c"] | tuple[UInt8[Array, "n _size _size c"], ...]
Augment = Callable[[Key[Array, " n"], Images], tuple[Float[Array, "n _size _size c"], ...]]


Ratio = Annotated[Number, Range(0.01, 100.0)]
Strength = Annotated[Number, Range(0.0, 10.0)]
Sigma = Annotated[Number, Range(0.0, 1000.0, above=True)]  # in pixels


class ViewSpec(NamedTuple):
    """One kind of view. Its operations run in the order of the fields; what is 0 is skipped.

    size: side of the view in pixels.
    copies: number of views of this kind.
    crop_probability: how often the view is a random crop; otherwise it is the whole image, resized.
    crop_scale: range of the crop's area, as a share of the image.
    crop_ratio: range of the crop's ratio width / height.
    interpolation: "bilinear" or "bicubic".
    flip: how often the view is mirrored left to right.
    jitter_probability: how often the colours are jittered.
    brightness: strength of its jitter, as in torchvision; see `color_jitter`.
    contrast: strength of its jitter.
    saturation: strength of its jitter.
    hue: strength of its jitter.
    crop_or_jitter: never both: the colours change only in images that were not cropped.
    grey: how often the view becomes grey.
    colours_first: jitter and grey come before the crop, as in the code of W-MSE.
    blur: how often the view is blurred.
    blur_sigma: range of the blur's standard deviation in pixels.
    blur_kernel: taps, an odd number; 0 stands for a tenth of the size, made odd, at least 3.
    solarize: how often the view is solarized.
    solarize_threshold: values from here on are inverted.
    """

    size: Pixels = 32
    copies: Copies = 1
    crop_probability: Share = 1.0
    crop_scale: Annotated[tuple[ShareAboveZero, ShareAboveZero], Ascending()] = (0.08, 1.0)
    crop_ratio: Annotated[tuple[Ratio, Ratio], Ascending()] = (3 / 4, 4 / 3)
    interpolation: Annotated[str, OneOf(tuple(FILTERS))] = "bilinear"
    flip: Share = 0.5
    jitter_probability: Share = 0.0
    brightness: Strength = 0.0
    contrast: Strength = 0.0
    saturation: Strength = 0.0
    hue: Annotated[Number, Range(0.0, 0.5)] = 0.0
    crop_or_jitter: bool = False
    grey: Share = 0.0
    colours_first: bool = False
    blur: Share = 0.0
    blur_sigma: Annotated[tuple[Sigma, Sigma], Ascending()] = (0.1, 2.0)
    blur_kernel: PixelsOrNone = 0
    solarize: Share = 0.0
    solarize_threshold: Share = 0.5


def make_augment(specs: Sequence[ViewSpec], image_shape: tuple[int, int, int]) -> Augment:
    """Makes the function that draws the views of `specs` from a batch of images.

    What happens to an image depends only on its key and on the index of the view, so views are the
    same however the batch is composed or spread over devices.

    Args:
      specs: the kinds of views, in order.
      image_shape: (H, W, C) of the images.

    Returns:
      A function of one key per image and uint8 images [N, H, W, C], or one array of them per view,
      [N, size, size, C], that the host has cropped (`data.crop`): colours come after the crop then,
      whatever `colours_first` says. It returns one float32 array [N, size, size, C] in [0, 1] per
      view.

    Raises:
      UserError: if a spec is out of range, or needs RGB and the images are not.

    Example:
      >>> augment = make_augment([ViewSpec(size=4), ViewSpec(size=2, copies=2)], (8, 8, 3))
      >>> keys = jax.random.split(jax.random.key(0), 5)
      >>> [view.shape for view in augment(keys, jnp.zeros((5, 8, 8, 3), jnp.uint8))]
      [(5, 4, 4, 3), (5, 2, 2, 3), (5, 2, 2, 3)]
    """
    for index, spec in enumerate(specs):
        refuse(within(f"view{index}", view_problems(spec, image_shape[-1])))

    def augment(
        keys: Key[Array, " n"], images: Images
    ) -> tuple[Float[Array, "n _size _size c"], ...]:
        views = []
        for spec in specs:
            ready = isinstance(images, tuple)

            def view(index, key, image, spec=spec, ready=ready):
                return _view(jax.random.fold_in(key, index), image, spec, ready)

            # Copies are a batch too: one program to compile, and no more kernels than for one copy.
            indices = len(views) + jnp.arange(spec.copies)
            part = jnp.stack(images[len(views) :][: spec.copies]) if ready else images
            batched = jax.vmap(jax.vmap(view, (None, 0, 0)), (0, None, 0 if ready else None))
            views.extend(batched(indices, keys, part))
        return tuple(views)

    return augment


def to_float(images: UInt8[Array, "*n h w c"]) -> Float[Array, "*n h w c"]:
    """Converts uint8 images to float32.

    Args:
      images: [..., H, W, C].

    Returns:
      The images in [0, 1].

    Example:
      >>> float(to_float(jnp.full((1, 1, 1), 255, jnp.uint8))[0, 0, 0])
      1.0
    """
    return images.astype(jnp.float32) / 255


def _view(key, image, spec, ready):
    """One view of an image, which is `ready` if the host has cropped it."""
    crop_keys, colour_keys, late_keys = jnp.split(jax.random.split(key, 7), (3, 5))
    cropped = jnp.array(False)
    if spec.crop_probability:
        cropped = jax.random.bernoulli(crop_keys[0], spec.crop_probability)
    image = to_float(image)
    colours_first = spec.colours_first and not ready
    if colours_first:
        image = _colours(colour_keys, image, spec, cropped)
    if not ready:
        image = _crop(crop_keys[1], image, spec, cropped)
    if spec.flip:
        image = random_flip(crop_keys[2], image, probability=spec.flip)
    if not colours_first:
        image = _colours(colour_keys, image, spec, cropped)
    if spec.blur:
        image = random_blur(
            late_keys[0],
            image,
            probability=spec.blur,
            sigma=spec.blur_sigma,
            kernel=_blur_kernel(spec),
        )
    if spec.solarize:
        image = random_solarize(
            late_keys[1], image, probability=spec.solarize, threshold=spec.solarize_threshold
        )
    return image


def _crop(key, image, spec, cropped):
    """A crop, or the whole image, at the size of the view."""
    height, width, _ = image.shape
    box = whole(height, width)
    if spec.crop_probability:
        part = sample_box(key, height, width, scale=spec.crop_scale, ratio=spec.crop_ratio)
        box = jax.tree.map(lambda a, b: jnp.where(cropped, a, b), part, box)
    if spec.crop_probability or (height, width) != (spec.size, spec.size):
        return resized_crop(image, box, size=spec.size, interpolation=spec.interpolation)
    return image


def _colours(keys, image, spec, cropped):
    """Jitter and grey."""
    if _jitters(spec):
        jittered = color_jitter(
            keys[0],
            image,
            probability=spec.jitter_probability,
            brightness=spec.brightness,
            contrast=spec.contrast,
            saturation=spec.saturation,
            hue=spec.hue,
        )
        image = jnp.where(cropped, image, jittered) if spec.crop_or_jitter else jittered
    return random_greyscale(keys[1], image, probability=spec.grey) if spec.grey else image


def _jitters(spec):
    return spec.jitter_probability and (
        spec.brightness or spec.contrast or spec.saturation or spec.hue
    )


def _blur_kernel(spec):
    return spec.blur_kernel or max(3, spec.size // 10 | 1)


def view_problems(spec: ViewSpec, channels: int | None = None) -> Iterator[Problem]:
    """Fields of a view that are out of range, or that change colours where there are none.

    Args:
      spec: the view.
      channels: of the images; None if they are not known.

    Yields:
      One problem per field.
    """
    found = list(value_problems(options_of(ViewSpec), spec._asdict()))
    yield from found
    kernel = _blur_kernel(spec)
    if not found and spec.blur and not (kernel % 2 and kernel < 2 * spec.size):
        what = f"must be odd and below twice the size {spec.size}"
        yield Problem("blur_kernel", spec.blur_kernel, what)
    if channels in (None, 3):
        return
    for field in ("grey", "saturation", "hue") if spec.jitter_probability else ("grey",):
        if value := getattr(spec, field):
            plural = "" if channels == 1 else "s"
            what = f"needs RGB images; these have {channels} channel{plural}"
            yield Problem(field, value, what, "set it to 0.0")
