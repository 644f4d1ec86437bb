"""Batch normalisation over the global batch or over groups of it.

Ioffe and Szegedy, arXiv 1502.03167; equal to PyTorch's BatchNorm, running variance included.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import UserError


class BatchNorm(nn.Module):
    """Batch normalisation of the last axis.

    In training every value is normalised by the mean and the biased variance of its group, and
    the running averages move towards the mean over the groups of their means and unbiased
    variances (PyTorch keeps the unbiased one). Otherwise the running averages normalise.

    Under jit with the batch split over devices the statistics are those of the whole batch.
    Parameters, statistics and arithmetic are float32 whatever `dtype` is.

    groups: the batch is split into this many contiguous groups with statistics of their own.
    momentum: the weight of the old running average; PyTorch's momentum is one minus this.
    dtype: of the result.
    """

    groups: int = 1
    momentum: float = 0.9
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    scale_init: Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Float[Array, "n *space c"], train: bool) -> Float[Array, "n *space c"]:
        """x, normalised.

        Raises:
          UserError: in training, if groups do not divide the batch, or if a group has a single
            value for each channel.
        """
        shape = (x.shape[-1],)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape, jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, shape, jnp.float32)
        if train:
            grouped = _split(x, self.groups)
            used_mean, used_var = _statistics(grouped, mean.value)
            if not self.is_initializing():
                count = x.size // (self.groups * x.shape[-1])
                unbiased = used_var.mean(axis=0) * (count / (count - 1))
                mean.value += (1.0 - self.momentum) * (used_mean.mean(axis=0) - mean.value)
                var.value += (1.0 - self.momentum) * (unbiased - var.value)
        else:
            grouped = x[None]
            used_mean, used_var = mean.value[None], var.value[None]

        gain = jax.lax.rsqrt(used_var + self.epsilon)
        if self.use_scale:
            gain = gain * self.param("scale", self.scale_init, shape, jnp.float32)[None]
        offset = -used_mean * gain
        if self.use_bias:
            offset = offset + self.param("bias", nn.initializers.zeros, shape, jnp.float32)[None]
        # One multiply-add a value, in float32 registers between two arrays of the compute type.
        y = grouped.astype(jnp.float32) * _spread(gain, grouped) + _spread(offset, grouped)
        return y.astype(self.dtype).reshape(x.shape)


def _split(x: Float[Array, "n *space c"], groups: int) -> Float[Array, "groups m *space c"]:
    n = x.shape[0]
    if n % groups:
        raise UserError(f"{groups} BatchNorm groups do not divide the batch of {n}")
    if x.size == groups * x.shape[-1]:
        raise UserError(
            f"BatchNorm of {groups} groups has one value a channel in a batch of {n}: "
            "training needs at least two"
        )
    return x.reshape(groups, n // groups, *x.shape[1:])


def _statistics(
    x: Float[Array, "groups m *space c"], shift: Float[Array, " c"]
) -> tuple[Float[Array, "groups c"], Float[Array, "groups c"]]:
    """Mean and biased variance of each group, in float32.

    Both come from one pass over x. E[x^2] - E[x]^2 loses its digits where the mean is large
    beside the deviation, so the running mean, which is near the mean, is subtracted first; the
    result does not depend on it otherwise.
    """
    axes = tuple(range(1, x.ndim - 1))
    shift = jax.lax.stop_gradient(shift)[None]
    centred = x.astype(jnp.float32) - _spread(shift, x)
    mean = centred.mean(axes)
    var = jnp.maximum(jnp.square(centred).mean(axes) - jnp.square(mean), 0.0)
    return mean + shift, var


def _spread(
    values: Float[Array, "groups c"], x: Float[Array, "_ m *space c"]
) -> Float[Array, "groups *ones c"]:
    """Values per group and channel, shaped to be combined with x."""
    return values.reshape(values.shape[0], *(1,) * (x.ndim - 2), values.shape[1])
