"""The encoder of a run while it trains, as evaluation sees it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jaxtyping import Array

from ssl_jax.encoder.encoder import prepare
from ssl_jax.evaluation.extract import Encode
from ssl_jax.setup.build import Model
from ssl_jax.training.step import TrainState


def frozen_encoder(model: Model) -> Callable[[TrainState], Encode]:
    """Train state -> features of images in [0, 1], prepared as an `Encoder` prepares them.

    Compiled once for all train states.
    """
    spec = model.encoder

    @jax.jit
    def encode(params: Any, state: Any, images: Array) -> Array:
        images = prepare(images, size=spec.image_size, crop=spec.crop)
        return model.method.encode(params, state, images)

    return lambda train: partial(encode, train.params, train.state)
