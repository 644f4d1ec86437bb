"""A user's own network as a backbone: images in [0, 1] to features."""

import inspect
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.networks.pixels import normalize_images


class CustomBackbone(nn.Module):
    """Any flax module that maps images [N, H, W, C] to features [N, d], behind the normalisation.

    network: takes normalised images and, if it has such an argument, `train`. Of its variables
      "params" and "batch_stats" are kept.
    dtype: what methods compute their heads in.
    mean, std: of the training images, one value or one for each channel. Normalising is the
      first thing that the backbone does.
    """

    network: nn.Module
    dtype: DTypeLike = jnp.float32
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"], train: bool) -> Float[Array, "n d"]:
        """Features [N, d], float32.

        Raises:
          UserError: if the network returns anything else than one row per image.
        """
        images = normalize_images(images, self.mean, self.std).astype(self.dtype)
        takes_train = "train" in inspect.signature(type(self.network).__call__).parameters
        found: Any = self.network(images, **({"train": train} if takes_train else {}))
        name = type(self.network).__name__
        if getattr(found, "ndim", None) != 2 or len(found) != len(images):
            shape = getattr(found, "shape", type(found).__name__)
            raise UserError(f"{name} must return features [N, d], not {shape}")
        return found.astype(jnp.float32)
