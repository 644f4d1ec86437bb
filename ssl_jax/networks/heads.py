"""Projection and prediction heads: linear layers with a normalisation and ReLU between them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.networks import torch_init
from ssl_jax.networks.norm import BatchNorm
from ssl_jax.options.kinds import OneOf

NORMS = ("batch", "layer", "weight_standardization", "none")
HeadNorm = Annotated[str, OneOf(NORMS)]


class MLP(nn.Module):
    """Linear layers with the given widths; normalisation and activation after each except the last.

    Initialised as in PyTorch: uniform within 1 / sqrt(fan in). The heads of some methods:

        SimCLR, version 2       (h, h, 128), final_norm="scale", bias=False
        MoCo v2                 (h, 128), norm="none"
        MoCo v3                 (h, 256), final_norm="plain", bias=False
          predictor             (h, 256), bias=False
        BYOL, both heads        (h, 256), final_bias=False
        SimSiam                 (h, h, h), final_norm="plain", bias=False
          predictor             (h / 4, h), bias=False, final_bias=True

    Attributes:
      widths: of the layers, first to last.
      norm: after the hidden layers, one of NORMS. "weight_standardization" (Qiao et al., arXiv
        1903.10520) normalises no activations: it gives the weights of each hidden unit mean 0 and
        variance 1 / fan in.
      final_norm: BatchNorm after the last layer: "affine", "scale" (no bias) or "plain" (neither).
      bias: whether linear layers have biases.
      final_bias: whether the last one has; None: as `bias`.
      activation: after the hidden layers.
      dtype: the linear layers compute in it; the result is float32.

    Example:
      >>> head = MLP((32, 8))
      >>> z, _ = head.init_with_output(jax.random.key(0), jnp.ones((4, 16)), train=True)
      >>> z.shape
      (4, 8)
    """

    widths: Sequence[int]
    norm: str = "batch"
    final_norm: Literal["affine", "scale", "plain"] | None = None
    bias: bool = True
    final_bias: bool | None = None
    activation: Callable[[Array], Array] = nn.relu
    dtype: DTypeLike = jnp.float32

    @property
    def has_batch_norm(self) -> bool:
        """Whether any layer normalises over the batch."""
        hidden = self.norm == "batch" and len(self.widths) > 1
        return hidden or self.final_norm is not None

    def problems(self) -> Iterator[Problem]:
        """A normalisation that does not exist."""
        if self.norm not in NORMS:
            yield Problem("head_norm", self.norm, f"must be one of {', '.join(NORMS)}")

    @nn.compact
    def __call__(self, x: Float[Array, "n d"], train: bool) -> Float[Array, "n out"]:
        """Applies the layers.

        Args:
          x: [N, D].
          train: normalise by the statistics of the batch and update the running averages.

        Returns:
          Outputs [N, widths[-1]], float32.

        Raises:
          UserError: if there is no such normalisation.
        """
        refuse(self.problems())
        *hidden, out = self.widths
        for i, width in enumerate(hidden, start=1):
            layer = StandardizedDense if self.norm == "weight_standardization" else nn.Dense
            x = self._linear(x, width, self.bias, f"linear{i}", layer)
            x = self.activation(self._normalized(x, i, train))
        last, final_bias = len(self.widths), self.final_bias
        x = self._linear(x, out, self.bias if final_bias is None else final_bias, f"linear{last}")
        if self.final_norm is not None:
            return BatchNorm(
                use_scale=self.final_norm != "plain",
                use_bias=self.final_norm == "affine",
                name=f"bn{last}",
            )(x, train)
        return x.astype(jnp.float32)

    def _normalized(self, x: Float[Array, "n d"], i: int, train: bool) -> Float[Array, "n d"]:
        if self.norm == "batch":
            return BatchNorm(dtype=self.dtype, name=f"bn{i}")(x, train)
        if self.norm == "layer":
            return nn.LayerNorm(epsilon=1e-5, dtype=self.dtype, name=f"ln{i}")(x)
        return x

    def _linear(
        self,
        x: Float[Array, "n d"],
        width: int,
        bias: bool,
        name: str,
        layer: Callable[..., Any] = nn.Dense,
    ) -> Float[Array, "n out"]:
        options = {
            "use_bias": bias,
            "kernel_init": torch_init.kernel_init,
            "bias_init": torch_init.bias_init(x.shape[-1]),
            "dtype": self.dtype,
        }
        return layer(width, name=name, **options)(x)


class StandardizedDense(nn.Module):
    """A linear layer with a standardised kernel: mean 0 and variance 1 / fan in for each output."""

    features: int
    use_bias: bool
    kernel_init: Initializer
    bias_init: Initializer
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, "n out"]:
        fan_in = x.shape[-1]
        kernel = self.param("kernel", self.kernel_init, (fan_in, self.features), jnp.float32)
        kernel = jax.nn.standardize(kernel, axis=0, epsilon=1e-5) * fan_in**-0.5
        y = jnp.asarray(x, self.dtype) @ kernel.astype(self.dtype)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32)
        return y + bias.astype(self.dtype)[None]
