"""A user's own network as a backbone: from images in [0, 1] to features."""

import inspect
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.names.own_code import own_code
from ssl_jax.networks.pixels import normalize_images


class CustomBackbone(nn.Module):
    """Any flax module that maps images [N, H, W, C] to features [N, d], after normalisation.

    Attributes:
      network: takes normalised images and, if it has such an argument, `train`. Of its variables,
        "params" and "batch_stats" are kept.
      dtype: of the images that the network sees, and of the computation in methods' heads.
      mean: of the training images, one value or one per channel. Normalising is the first thing
        that the backbone does.
      std: of the training images, likewise.
    """

    network: nn.Module
    dtype: DTypeLike = jnp.float32
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"], train: bool) -> Float[Array, "n d"]:
        """Encodes images.

        Args:
          images: [N, H, W, C] in [0, 1].
          train: passed on to the network if it has such an argument.

        Returns:
          Features [N, d], float32.

        Raises:
          UserError: if the network raises, or returns anything other than one row per image.
        """
        images = normalize_images(images, self.mean, self.std).astype(self.dtype)
        takes_train = "train" in inspect.signature(type(self.network).__call__).parameters
        name = f"{type(self.network).__module__}.{type(self.network).__qualname__}"
        with own_code(name):
            found: Any = self.network(images, **({"train": train} if takes_train else {}))
        if getattr(found, "ndim", None) != 2 or len(found) != len(images):
            shape = getattr(found, "shape", type(found).__name__)
            raise UserError(f"{name} must return features [N, d], not {shape}")
        return found.astype(jnp.float32)
