"""Queues of embeddings of earlier batches."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.losses import normalize
from ssl_jax.methods.parts.base import KeyArray, Step
from ssl_jax.types import Embeddings


def init_queue(key: KeyArray, size: int, width: int, batch_size: int) -> Float[Array, "k d"]:
    """Random unit vectors [size, width].

    Raises:
      UserError: if the queue is not a whole number of batches.
    """
    if size < batch_size or size % batch_size:
        raise UserError(f"queue size {size} must be a multiple of the batch size {batch_size}")
    return normalize(jax.random.normal(key, (size, width)))


def enqueue(queue: Float[Array, "k d"], embeddings: Embeddings, step: Step) -> Float[Array, "k d"]:
    """The queue with its oldest rows replaced by the batch, L2-normalised.

    The position follows from the step, so that it needs no state of its own.
    """
    count = len(embeddings)
    start = (step % (len(queue) // count)) * count
    return jax.lax.dynamic_update_slice_in_dim(queue, normalize(embeddings), start, axis=0)


def nearest(queue: Float[Array, "k d"], embeddings: Embeddings) -> Embeddings:
    """The row of the queue, of unit vectors, with the highest cosine to each embedding.

    No gradient flows to either.
    """
    queue, embeddings = jax.lax.stop_gradient((queue, normalize(embeddings)))
    cosines = jnp.matmul(embeddings, queue.T, precision="highest")
    return queue[jnp.argmax(cosines, axis=1)]
