"""A loss on relations: how an embedding lies to many others, instead of where it lies."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Float

from ssl_jax.losses.embeddings import AnyArray, Embeddings, Scalar, normalize


def relational_consistency(
    queries: Embeddings,
    keys: Embeddings,
    queue: Float[AnyArray, "k d"],
    temperature: ArrayLike,
    key_temperature: ArrayLike,
) -> Scalar:
    """ReSSL: queries lie to the embeddings of a queue as their keys do.

    Zheng et al., "ReSSL: Relational Self-Supervised Learning with Weak Augmentation" (arXiv
    2107.09282, Eq. 3 to 5): the cross-entropy of softmax(cos(k, queue) / T_k), the target, and
    softmax(cos(q, queue) / T). Rows are L2-normalised inside.

    Args:
      queries: [N, d]; row i belongs to row i of `keys`.
      keys: [N, d], the teacher's; no gradient flows into them, nor into the queue.
      queue: [K, d], the teacher's embeddings of other images.
      temperature: T of the queries.
      key_temperature: T_k of the keys; lower than T, so that the target is the sharper one.

    Returns:
      Mean over the N queries, in nats: log K where all similarities are equal. It is never below
      the entropy of the targets.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(relational_consistency(z, z, z, 0.1, 0.04)), 3)
      0.0
    """
    keys, queue = jax.lax.stop_gradient((normalize(keys), normalize(queue)))
    targets = jax.nn.softmax(jnp.matmul(keys, queue.T, precision="highest") / key_temperature)
    similarities = jnp.matmul(normalize(queries), queue.T, precision="highest")
    logs = jax.nn.log_softmax(similarities / temperature, axis=-1)
    return -jnp.mean(jnp.sum(targets * logs, axis=-1))
