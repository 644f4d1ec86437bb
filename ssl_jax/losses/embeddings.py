"""What several losses share: types, normalisation, distance and covariance of embeddings."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ssl_jax.errors import UserError

AnyArray = Array | np.ndarray
Embeddings = Float[AnyArray, "n d"]
Scalar = Float[Array, ""]


def normalize(embeddings: Float[AnyArray, "*batch d"]) -> Float[Array, "*batch d"]:
    """L2-normalised along the last axis, in float32; a zero vector stays zero.

    Written with the floor inside the root, because the gradient of x / |x| is NaN at zero.
    """
    embeddings = jnp.asarray(embeddings, jnp.float32)
    squared = jnp.sum(embeddings**2, axis=-1, keepdims=True)
    return embeddings * jax.lax.rsqrt(jnp.maximum(squared, 1e-24))


def spherical_distance(first: Embeddings, second: Embeddings) -> Float[Array, " n"]:
    """Euclidean distance of each pair of rows after L2 normalisation, in [0, 2].

    At least 1e-12, with zero gradient below: the gradient of |x - y| is NaN where they are equal.
    """
    squared = jnp.sum((normalize(first) - normalize(second)) ** 2, axis=-1)
    return jnp.sqrt(jnp.maximum(squared, 1e-24))


def covariance_matrix(embeddings: Embeddings) -> Float[Array, "d d"]:
    """Unbiased covariance over the batch: centred, divided by n - 1; in float32.

    Raises:
      UserError: if there is only one embedding.
    """
    count = len(embeddings)
    if count < 2:
        raise UserError(f"a covariance over the batch needs at least 2 embeddings, not {count}")
    embeddings = jnp.asarray(embeddings, jnp.float32)
    centred = embeddings - jnp.mean(embeddings, axis=0, keepdims=True)
    return jnp.matmul(centred.T, centred, precision="highest") / (count - 1)
