"""The images that an exported encoder expects: a description, and an example."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from ssl_jax.encoder.encoder import Encoder, prepare


def example(encoder: Encoder) -> Float32[np.ndarray, "n h w c"]:
    """Two fixed images in [0, 1], whose side is the `input_side` of the encoder."""
    side, channels = encoder.description.input_side, encoder.description.channels
    return np.random.default_rng(0).random((2, side, side, channels), np.float32)


def prepared(
    encoder: Encoder, images: Float32[np.ndarray, "n h w c"]
) -> Float32[np.ndarray, "n s s c"]:
    """The images prepared for the network, but not yet normalised."""
    size, crop = encoder.description.image_size, encoder.description.crop
    return np.asarray(prepare(jnp.asarray(images), size=size, crop=crop))


def statistics(encoder: Encoder) -> tuple[list[float], list[float]]:
    """(means, standard deviations) of the channels, with which the network normalises."""
    network, channels = encoder.backbone, encoder.description.channels
    mean, std = (np.broadcast_to(values, channels) for values in (network.mean, network.std))
    return mean.tolist(), std.tolist()


def preparation(encoder: Encoder) -> str:
    """One line on how images are prepared before they are normalised."""
    size, crop = encoder.description.image_size, encoder.description.crop
    part = "central square" if crop == 1 else f"central {crop:g} of the shorter side"
    return f"images: in [0, 1], the {part} resized to {size} x {size} pixels, bilinear, antialiased"


def normalization(encoder: Encoder) -> str:
    """One line on how prepared images are normalised."""
    mean, std = ([round(v, 6) for v in values] for values in statistics(encoder))
    return f"then normalised with mean {mean} and std {std}"
