"""L2 norms of many arrays at once.

Computed separately, the norm of each parameter takes two or three kernels on an accelerator: with a
ResNet-18 and LARS that is a third of all kernels of a step, each bound by its launch. Laid out as
rows of one matrix, all parameters together take a handful of kernels.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

VALUES_PER_ROW = 1024  # a parameter fills whole rows, the last one padded with zeros


def norms(arrays: Sequence[Float[Array, "..."]]) -> Float[Array, " arrays"]:
    """The L2 norm of each array, in float32.

    Args:
      arrays: of any shapes.

    Returns:
      One norm per array.

    Example:
      >>> print(norms([jnp.array([3.0, 4.0]), jnp.ones((2, 2))]).round(3))
      [5. 2.]
    """
    if not arrays:
        return jnp.zeros(0, jnp.float32)
    flat = [jnp.ravel(array).astype(jnp.float32) for array in arrays]
    rows = [-(-array.size // VALUES_PER_ROW) for array in arrays]
    padded = [
        jnp.pad(values, (0, count * VALUES_PER_ROW - values.size))
        for values, count in zip(flat, rows, strict=True)
    ]
    squares = jnp.sum(jnp.square(jnp.concatenate(padded).reshape(-1, VALUES_PER_ROW)), axis=1)
    # Not segment_sum: on a GPU its atomic additions happen in any order.
    ends = np.cumsum(rows)[:, None]
    row = jnp.arange(len(squares))[None, :]
    own = (row >= ends - np.array(rows)[:, None]) & (row < ends)
    return jnp.sqrt(jnp.sum(jnp.where(own, squares[None, :], 0.0), axis=1))


def global_norm(arrays: Sequence[Float[Array, "..."]]) -> Float[Array, ""]:
    """The L2 norm of all arrays taken as one vector, in float32.

    Args:
      arrays: of any shapes.

    Returns:
      The norm.

    Example:
      >>> round(float(global_norm([jnp.array([3.0]), jnp.array([[4.0]])])), 3)
      5.0
    """
    return jnp.sqrt(jnp.sum(jnp.square(norms(arrays))))
