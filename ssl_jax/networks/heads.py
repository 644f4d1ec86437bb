"""Projection and prediction heads: linear layers with BatchNorm and ReLU between them."""

from collections.abc import Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.networks import torch_init
from ssl_jax.networks.norm import BatchNorm


class MLP(nn.Module):
    """Linear layers `widths` wide; BatchNorm and ReLU after each but the last.

    Initialised as PyTorch does it: uniform within 1 / sqrt(fan in).

    norm: BatchNorm after the hidden layers.
    final_norm: BatchNorm after the last layer: "affine", "scale" (no bias) or "plain" (neither).
    bias: of the linear layers. final_bias: of the last one; None: as `bias`.
    dtype: what the linear layers compute in; the result is float32.

        SimCLR, version 2       (h, h, 128), final_norm="scale", bias=False
        MoCo v2                 (h, 128), norm=False
        MoCo v3                 (h, 256), final_norm="plain", bias=False
          predictor             (h, 256), bias=False
        BYOL, both heads        (h, 256), final_bias=False
        SimSiam                 (h, h, h), final_norm="plain", bias=False
          predictor             (h / 4, h), bias=False, final_bias=True
    """

    widths: Sequence[int]
    norm: bool = True
    final_norm: Literal["affine", "scale", "plain"] | None = None
    bias: bool = True
    final_bias: bool | None = None
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n d"], train: bool) -> Float[Array, "n out"]:
        """Outputs [N, widths[-1]] of inputs [N, D]."""
        *hidden, out = self.widths
        for i, width in enumerate(hidden, start=1):
            x = self._linear(x, width, self.bias, f"linear{i}")
            if self.norm:
                x = BatchNorm(dtype=self.dtype, name=f"bn{i}")(x, train)
            x = nn.relu(x)
        last, final_bias = len(self.widths), self.final_bias
        x = self._linear(x, out, self.bias if final_bias is None else final_bias, f"linear{last}")
        if self.final_norm is not None:
            return BatchNorm(
                use_scale=self.final_norm != "plain",
                use_bias=self.final_norm == "affine",
                name=f"bn{last}",
            )(x, train)
        return x.astype(jnp.float32)

    def _linear(self, x: Float[Array, "n d"], width: int, bias: bool, name: str):
        return nn.Dense(
            width,
            use_bias=bias,
            kernel_init=torch_init.kernel_init,
            bias_init=torch_init.bias_init(x.shape[-1]),
            dtype=self.dtype,
            name=name,
        )(x)
