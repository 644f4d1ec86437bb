"""Augmentation on the device: each image by itself under its own key, with torchvision's semantics.

A `ViewSpec` describes a view, and `make_augment` turns the specs of a method's views into one
function of a batch. The other functions are pure functions of one float32 image [H, W, C] in
[0, 1]; random ones take a key first. Images may have any number of channels, except for saturation,
hue and grey. Views are not normalised: the encoder does that.
"""

from ssl_jax.augment.blur import gaussian_blur, random_blur
from ssl_jax.augment.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
    greyscale,
    random_greyscale,
    random_solarize,
    solarize,
)
from ssl_jax.augment.crop import Box, random_flip, resized_crop, sample_box
from ssl_jax.augment.policy import ViewSpec, make_augment, to_float

__all__ = [
    "Box",
    "ViewSpec",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "color_jitter",
    "gaussian_blur",
    "greyscale",
    "make_augment",
    "random_blur",
    "random_flip",
    "random_greyscale",
    "random_solarize",
    "resized_crop",
    "sample_box",
    "solarize",
    "to_float",
]
