"""Losses on embeddings: pure functions, no parameters, float32 inside.

Temperatures and losses are dimensionless (nats). Products are taken at the highest precision: at
the default, recent accelerators round the factors to 10 bits or fewer, and these products are a
negligible part of a training step.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

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


def info_nce(
    queries: Embeddings,
    keys: Embeddings,
    temperature: ArrayLike,
    queue: Float[AnyArray, "k d"] | None = None,
) -> Scalar:
    """InfoNCE: tell each query's key from the other keys, or from a queue of old ones.

    van den Oord et al., arXiv 1807.03748; without a queue as in MoCo v3 (arXiv 2104.02057), with
    one as in MoCo (arXiv 1911.05722, Eq. 1). Rows are L2-normalised inside.

    Args:
      queries: [N, d]; row i belongs to row i of `keys`.
      keys: [N, d]. Gradient flows into them; stop it outside if they come from a target.
      temperature: divides the cosine similarities.
      queue: [K, d] negatives. With it the negatives are the queue alone, not the other keys.

    Returns:
      Mean cross-entropy over the N queries, against the own index among the N keys or, with a
      queue, against the positive among 1 + K; log N or log(1 + K) where all similarities are equal.
    """
    queries, keys = normalize(queries), normalize(keys)
    if queue is None:
        logits = jnp.matmul(queries, keys.T, precision="highest") / temperature
        labels = jnp.arange(len(queries))
    else:
        positive = jnp.sum(queries * keys, axis=-1, keepdims=True)
        negative = jnp.matmul(queries, normalize(queue).T, precision="highest")
        logits = jnp.concatenate([positive, negative], axis=1) / temperature
        labels = jnp.zeros(len(queries), jnp.int32)
    return jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels))


def nt_xent(first: Embeddings, second: Embeddings, temperature: ArrayLike) -> Scalar:
    """NT-Xent: each of the 2N embeddings finds its other view among the 2N - 1 others.

    SimCLR (Chen et al., arXiv 2002.05709, Eq. 1). Rows are L2-normalised inside.

    Args:
      first: [N, d] embeddings of one view.
      second: [N, d] embeddings of the other view, in the same order.
      temperature: divides the cosine similarities.

    Returns:
      Mean cross-entropy over the 2N anchors; log(2N - 1) where all similarities are equal. (The
      official TensorFlow code adds the means of both directions, which is twice this.)
    """
    count, width = first.shape
    # Interleaved, not concatenated: with the batch split over devices each keeps its own rows.
    both = normalize(jnp.stack([first, second], axis=1)).reshape(2 * count, width)
    logits = jnp.matmul(both, both.T, precision="highest") / temperature
    own = jnp.eye(2 * count, dtype=bool)
    labels = jnp.arange(2 * count) ^ 1  # rows 2i and 2i + 1 are the two views of image i
    # Finite, because 0 * inf would appear in the gradient of the cross-entropy.
    logits = jnp.where(own, -1e9, logits)
    return jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels))
