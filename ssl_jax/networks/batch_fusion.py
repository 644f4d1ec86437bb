"""Batch fusion: a learnable transform of a view in which the images of a batch exchange content.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 3.2.

    view [N, H, W, C] -> patchify -> T [N, L, D]                            Eq. 2
    T as one image [1, N, L, D] with N channels;  T' = F(T) + R(T)          Eq. 3, `depth` times
    I' = unpatchify(T')                                                     Eq. 4
    I'' = ReLU(I' + I)                                                      Eq. 5

F consists of 1x1 convolutions over the N channels and a 3x3 convolution over the (L, D) plane, each
followed by InstanceNorm and Mish; R is a residual branch. The paper gives their sizes only in a
figure, so they are options here. Algorithm 1 has no ReLU at the end; the paper specifies neither
the space in which images are fused nor the initialisation.

Channels come last here: [groups, L, D, group size].
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.networks import torch_init
from ssl_jax.networks.patches import patch_problems, patchify, unpatchify
from ssl_jax.networks.pixels import normalize_images, restore_images
from ssl_jax.options.kinds import CountOrNone, LayersOrNone, OneOf, Pixels, WidthOrNone

ACTIVATIONS = ("relu", "identity")
RESIDUALS = ("conv", "identity")


class EmbeddingLayer(nn.Module):
    """T' = F(T) + R(T) (Eq. 3); the channels are the images that are fused.

    Attributes:
      width: of the 1x1 convolutions of F; 0: the number of channels.
      pointwise_layers: number of 1x1 convolutions in F.
      residual: R is a 1x1 convolution ("conv") or T itself ("identity").
      zero_start: start with T' = 0, by gains of zero.
      dtype: of the computation of F and R; statistics, the sum and the result are float32.
    """

    width: int = 0
    pointwise_layers: int = 2
    residual: str = "conv"
    zero_start: bool = False
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, t: Float[Array, "groups l d m"]) -> Float[Array, "groups l d m"]:
        """Fuses the images of each group.

        Args:
          t: T, with the m images of each group along the last axis.

        Returns:
          T', of the same shape.

        Raises:
          UserError: if there is no such residual branch.
        """
        return self._convolutions(t) + self._residual(t)

    def _convolutions(self, t: Float[Array, "groups l d m"]) -> Float[Array, "groups l d m"]:
        channels = t.shape[-1]
        # No biases: InstanceNorm would remove them.
        options = {
            "use_bias": False,
            "kernel_init": torch_init.kernel_init,
            "dtype": self.dtype,
        }
        for i in range(1, self.pointwise_layers + 1):
            # A 1x1 convolution is a matrix product over the channels.
            t = nn.Dense(self.width or channels, name=f"pointwise{i}", **options)(t)
            t = nn.InstanceNorm(
                epsilon=1e-5, use_fast_variance=False, dtype=self.dtype, name=f"norm{i}"
            )(t)
            t = jax.nn.mish(t)
        t = nn.Conv(channels, (3, 3), padding=((1, 1), (1, 1)), name="spatial", **options)(t)
        t = nn.InstanceNorm(
            epsilon=1e-5,
            use_fast_variance=False,
            dtype=jnp.float32,
            scale_init=nn.initializers.zeros if self.zero_start else nn.initializers.ones,
            name="norm_spatial",
        )(t)
        return jax.nn.mish(t)

    def _residual(self, t: Float[Array, "groups l d m"]) -> Float[Array, "groups l d m"]:
        if self.residual == "identity":
            gain = self.param("gain", nn.initializers.zeros, ()) if self.zero_start else 1.0
            return t * gain
        refuse(_unknown("residual", self.residual, RESIDUALS))
        zeros = nn.initializers.zeros
        return nn.Dense(
            t.shape[-1],
            kernel_init=zeros if self.zero_start else torch_init.kernel_init,
            bias_init=zeros if self.zero_start else torch_init.bias_init(t.shape[-1]),
            dtype=self.dtype,
            name="residual",
        )(t).astype(jnp.float32)


class BatchFusion(nn.Module):
    """Fuses views in [0, 1]; fused views have the same shape and are in the same space.

    Attributes:
      patch_size: p, must divide height and width; the paper uses 16 at 224 pixels.
      depth: number of embedding layers; 0 leaves the views unchanged (the paper's Table 4).
      group_size: number of contiguous images that are fused with each other; 0: the whole batch.
        The shapes of the parameters depend on it, so with 0 they suit this batch size only.
      restore_activation: "relu" as in Eq. 5, or "identity" as in Algorithm 1.
      identity_start: start as restore_activation(view), by zero gains in the last layer. (In an
        earlier layer they would leave the next one without input, hence without gradient.)
      width: see `EmbeddingLayer`.
      pointwise_layers: see `EmbeddingLayer`.
      residual: see `EmbeddingLayer`.
      mean: of the training images, one value or one per channel.
      std: of the training images, likewise. Views are fused in normalised space,
        (view - mean) / std, where the ReLU removes everything below the mean.
      fuse_before_normalize: fuse the views as they are instead.
      dtype: see `EmbeddingLayer`.

    Example:
      >>> fusion, views = BatchFusion(patch_size=4), jnp.ones((2, 8, 8, 3))
      >>> fused, _ = fusion.init_with_output(jax.random.key(0), views)
      >>> fused.shape
      (2, 8, 8, 3)
    """

    patch_size: Pixels = 4
    depth: LayersOrNone = 1
    group_size: CountOrNone = 0
    restore_activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu"
    identity_start: bool = False
    width: WidthOrNone = 0
    pointwise_layers: LayersOrNone = 2
    residual: Annotated[str, OneOf(RESIDUALS)] = "conv"
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)
    fuse_before_normalize: bool = False
    dtype: DTypeLike = jnp.float32

    @nn.nowrap
    def problems(
        self, batch_size: int, sides: Sequence[int] = (), *, devices: int = 1
    ) -> Iterator[Problem]:
        """Problems of the options in a run.

        Args:
          batch_size: images per step, over all devices.
          sides: of the views in pixels.
          devices: over which the batch is divided.

        Yields:
          Unknown options, sizes that do not fit, and groups that span devices.
        """
        if self.depth == 0:
            return
        yield from _unknown("restore_activation", self.restore_activation, ACTIVATIONS)
        yield from _unknown("residual", self.residual, RESIDUALS)
        yield from patch_problems(self.patch_size, sides)
        group, own = self.group_size, batch_size // devices
        if not group:
            what = f"ties the block to the batch: it suits batches of {batch_size} only"
            yield Problem("group_size", 0, what, "set it to fuse fewer images", "note")
        elif batch_size % group:
            what = f"must divide the batch of {batch_size}"
            yield Problem("group_size", group, what, f"set it to a divisor of {batch_size}")
        elif own % group:
            what = f"does not divide the {own} images per device, so all devices exchange images"
            yield Problem("group_size", group, what, f"set it to {own} or a divisor", "warning")

    @nn.compact
    def __call__(self, views: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """Fuses the views.

        Args:
          views: [N, H, W, C] in [0, 1].

        Returns:
          The fused views [N, H, W, C]; they may leave [0, 1].

        Raises:
          UserError: if group_size does not divide the batch or patch_size the image, if mean and
            std do not suit the channels, or if an option has no such value.
        """
        if self.depth == 0:
            return views
        if self.fuse_before_normalize:
            return self._fuse(views)
        fused = self._fuse(normalize_images(views, self.mean, self.std))
        return restore_images(fused, self.mean, self.std)

    def _fuse(self, images: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        n, height, width, _ = images.shape
        refuse(self.problems(n, (height, width)))
        size = self.group_size or n
        t = patchify(images, self.patch_size)
        _, patches, values = t.shape
        t = jnp.moveaxis(t.reshape(n // size, size, patches, values), 1, -1)
        for i in range(1, self.depth + 1):
            t = EmbeddingLayer(
                width=self.width,
                pointwise_layers=self.pointwise_layers,
                residual=self.residual,
                zero_start=self.identity_start and i == self.depth,
                dtype=self.dtype,
                name=f"layer{i}",
            )(t)
        t = jnp.moveaxis(t, -1, 1).reshape(n, patches, values)
        restored = images + unpatchify(t, self.patch_size, height, width)
        return nn.relu(restored) if self.restore_activation == "relu" else restored


def _unknown(key: str, value: str, known: tuple[str, ...]) -> Iterator[Problem]:
    if value not in known:
        yield Problem(key, value, f"must be {' or '.join(known)}")
