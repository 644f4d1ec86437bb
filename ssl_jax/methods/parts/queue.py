"""Queues of embeddings of earlier batches."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import normalize
from ssl_jax.methods.parts.base import KeyArray, RunFacts, Step
from ssl_jax.types import Embeddings


def queue_problems(queue_size: int, run: RunFacts) -> Iterator[Problem]:
    """A queue that is not a whole number of batches, or larger than the data set."""
    batch = run.batch_size
    if queue_size < batch or queue_size % batch:
        what = f"must be a multiple of the batch of {batch}"
        yield Problem("queue_size", queue_size, what, f"set it to {multiple(queue_size, batch)}")
    if run.images is not None and queue_size > run.images:
        yield Problem(
            "queue_size",
            queue_size,
            f"is more than the {run.images} training images, so some are in it twice",
            f"set it to {multiple(run.images // 2, batch)} or less",
            "warning",
        )


def multiple(value: int, of: int) -> int:
    """The largest multiple of `of` that is no larger than `value`; at least `of`."""
    return max(value // of, 1) * of


def init_queue(key: KeyArray, size: int, width: int, batch_size: int) -> Float[Array, "k d"]:
    """A queue of random unit vectors [size, width].

    Raises:
      UserError: if the queue is not a whole number of batches.
    """
    refuse(queue_problems(size, RunFacts(batch_size, ())))
    return normalize(jax.random.normal(key, (size, width)))


def enqueue(queue: Float[Array, "k d"], embeddings: Embeddings, step: Step) -> Float[Array, "k d"]:
    """Replaces the oldest rows of the queue with the batch, L2-normalised.

    The position follows from the step, so it needs no state of its own.
    """
    count = len(embeddings)
    start = (step % (len(queue) // count)) * count
    return jax.lax.dynamic_update_slice_in_dim(queue, normalize(embeddings), start, axis=0)


def nearest(queue: Float[Array, "k d"], embeddings: Embeddings) -> Embeddings:
    """The row of the queue with the highest cosine to each embedding.

    The rows of the queue are unit vectors. No gradient flows to either argument.
    """
    queue, embeddings = jax.lax.stop_gradient((queue, normalize(embeddings)))
    cosines = jnp.matmul(embeddings, queue.T, precision="highest")
    return queue[jnp.argmax(cosines, axis=1)]
