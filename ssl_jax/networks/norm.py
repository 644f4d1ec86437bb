"""Batch normalisation over the global batch or over groups of it.

Ioffe and Szegedy, arXiv 1502.03167; equal to PyTorch's BatchNorm, including the running variance.
"""

from collections.abc import Iterator

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, UserError, refuse

# With fewer images than this, statistics are noisy.
FEW_IMAGES = 16


class BatchNorm(nn.Module):
    """Batch normalisation over the last axis.

    In training every value is normalised by the mean and the biased variance of its group. The
    running averages move towards the means and unbiased variances of the groups, averaged over the
    groups (PyTorch, too, keeps the unbiased one). In evaluation the running averages normalise.

    Under jit with the batch split over devices, the statistics are those of the whole batch.
    Parameters, statistics and arithmetic are float32 whatever `dtype` is.

    Attributes:
      groups: number of contiguous groups of the batch, each with its own statistics.
      momentum: weight of the old running average; PyTorch's momentum is one minus this.
      epsilon: added to the variance.
      use_scale: multiply by a learned scale.
      use_bias: add a learned bias.
      dtype: of the result.
      scale_init: initialiser of the scale.

    Example:
      >>> x = jnp.array([[0.0], [2.0]])
      >>> y, _ = BatchNorm().init_with_output(jax.random.key(0), x, train=True)
      >>> y.round(3).tolist()
      [[-1.0], [1.0]]
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
        """Normalises values.

        Args:
          x: [N, ..., C].
          train: normalise by the statistics of the batch and update the running averages.

        Returns:
          The normalised values [N, ..., C].

        Raises:
          UserError: in training, if groups do not divide the batch, or if a group has a single
            value per channel.
        """
        shape = (x.shape[-1],)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape, jnp.float32)
        grouped = _split(x, self.groups if train else 1)
        # The statistics are those of x minus the running mean: E[x^2] - E[x]^2, which needs only
        # one pass, would lose its digits where the mean is large. In training the shift cancels
        # out, so it need not pass gradients on to the forward passes that it came from.
        shift = jax.lax.stop_gradient(running_mean.value)[None]
        centred = grouped.astype(jnp.float32) - _spread(shift, grouped.ndim)
        if train:
            mean, var, count = _statistics(centred)
            if not self.is_initializing():
                rate = 1.0 - self.momentum
                unbiased = var.mean(axis=0) * (count / (count - 1))
                running_mean.value += rate * mean.mean(axis=0)
                running_var.value += rate * (unbiased - running_var.value)
        else:
            mean, var = jnp.zeros_like(shift), running_var.value[None]

        gain = jax.lax.rsqrt(var + self.epsilon)
        if self.use_scale:
            gain = gain * self.param("scale", self.scale_init, shape, jnp.float32)[None]
        offset = -mean * gain
        if self.use_bias:
            offset = offset + self.param("bias", nn.initializers.zeros, shape, jnp.float32)[None]
        y = centred * _spread(gain, grouped.ndim) + _spread(offset, grouped.ndim)
        return y.astype(self.dtype).reshape(x.shape)


def group_problems(batch_size: int, groups: int) -> Iterator[Problem]:
    """A number of groups that does not divide the batch."""
    if batch_size % groups:
        yield Problem("batch_norm_groups", groups, f"must divide the batch of {batch_size}")


def batch_norm_problems(batch_size: int, groups: int = 1) -> Iterator[Problem]:
    """Batches on which BatchNorm learns little.

    Statistics of few images are noisy; those of one image remove all that distinguishes it.

    Args:
      batch_size: images per step.
      groups: of BatchNorm.

    Yields:
      At most one problem.
    """
    images = batch_size // groups
    remedy = "raise it, or lower network.batch_norm_groups" if groups > 1 else "raise it"
    if batch_size % groups:
        yield from group_problems(batch_size, groups)
    elif images == 1:
        what = "is too small: BatchNorm would take its statistics from a single image"
        yield Problem("/batch_size", batch_size, what, remedy)
    elif images < FEW_IMAGES:
        what = f"is small: BatchNorm takes its statistics from only {images} images"
        remedy = f"{remedy}: they are stable with {FEW_IMAGES} or more"
        yield Problem("/batch_size", batch_size, what, remedy, "warning")


def _split(x: Float[Array, "n *space c"], groups: int) -> Float[Array, "groups m *space c"]:
    n = x.shape[0]
    if groups > 1:  # an exported program takes batches of any size, with one group
        refuse(group_problems(n, groups))
    return x.reshape(groups, n // groups, *x.shape[1:])


def _statistics(
    x: Float[Array, "groups m *space c"],
) -> tuple[Float[Array, "groups c"], Float[Array, "groups c"], int]:
    """Mean and biased variance of each group, in one pass, and the number of values in each."""
    groups, *_, channels = x.shape
    count = x.size // (groups * channels)
    if count < 2:
        raise UserError(
            "BatchNorm needs at least two values per channel and group in training; this batch "
            f"({groups} images, {groups} groups) has one"
        )
    axes = tuple(range(1, x.ndim - 1))
    mean = x.mean(axes)
    return mean, jnp.maximum(jnp.square(x).mean(axes) - jnp.square(mean), 0.0), count


def _spread(values: Float[Array, "groups c"], ndim: int) -> Float[Array, "groups *ones c"]:
    """Values per group and channel, ready to combine with groups [groups, m, *space, c]."""
    return values.reshape(values.shape[0], *(1,) * (ndim - 2), values.shape[1])
