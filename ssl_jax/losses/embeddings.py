"""Shared by the losses: types, normalisation, distance and covariance of embeddings."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ssl_jax.errors import UserError

AnyArray = Array | np.ndarray
Embeddings = Float[AnyArray, "n d"]
Scalar = Float[Array, ""]


def normalize(embeddings: Float[AnyArray, "*batch d"]) -> Float[Array, "*batch d"]:
    """Scales vectors to L2 norm 1 along the last axis, in float32.

    The lower bound is inside the root because the gradient of x / |x| is NaN at zero.

    Args:
      embeddings: [..., d].

    Returns:
      Unit vectors [..., d]; a zero vector stays zero.

    Example:
      >>> print(normalize(jnp.array([3.0, 4.0])).round(3))
      [0.6 0.8]
    """
    embeddings = jnp.asarray(embeddings, jnp.float32)
    squared = jnp.sum(embeddings**2, axis=-1, keepdims=True)
    return embeddings * jax.lax.rsqrt(jnp.maximum(squared, 1e-24))


def spherical_distance(first: Embeddings, second: Embeddings) -> Float[Array, " n"]:
    """Euclidean distance between corresponding rows after L2 normalisation.

    Args:
      first: [N, d].
      second: [N, d].

    Returns:
      Distances [N] in [0, 2]; at least 1e-12, with zero gradient below that, because the gradient
      of |x - y| is NaN where the two are equal.

    Example:
      >>> print(spherical_distance(jnp.eye(2), -jnp.eye(2)).round(3))
      [2. 2.]
    """
    squared = jnp.sum((normalize(first) - normalize(second)) ** 2, axis=-1)
    return jnp.sqrt(jnp.maximum(squared, 1e-24))


def covariance_matrix(embeddings: Embeddings) -> Float[Array, "d d"]:
    """Unbiased covariance over the batch: centred, divided by N - 1; in float32.

    Args:
      embeddings: [N, d].

    Returns:
      The covariance matrix [d, d].

    Raises:
      UserError: if there is only one embedding.

    Example:
      >>> print(covariance_matrix(jnp.array([[1.0, 0.0], [-1.0, 0.0]])).round(3))
      [[2. 0.]
       [0. 0.]]
    """
    count = len(embeddings)
    if count < 2:
        raise UserError(f"a covariance over the batch needs at least 2 embeddings, not {count}")
    embeddings = jnp.asarray(embeddings, jnp.float32)
    centred = embeddings - jnp.mean(embeddings, axis=0, keepdims=True)
    return jnp.matmul(centred.T, centred, precision="highest") / (count - 1)
