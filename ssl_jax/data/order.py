"""The order of the images: a pure function of the seed and the step, the same in every pipeline."""

import functools
import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int32

from ssl_jax.errors import Problem, refuse


@functools.lru_cache(maxsize=2)  # two epochs, since batches are read ahead
def epoch_order(seed: int, epoch: int, size: int) -> Int32[np.ndarray, " size"]:
    """The permutation of `range(size)` in which `epoch` visits the images; read-only.

    It sorts the raw bits of the generator, which NumPy guarantees never to change (unlike
    `Generator.permutation`), so that a run resumed under another NumPy sees the same images.

    >>> epoch_order(seed=7, epoch=3, size=10).tolist()
    [2, 4, 7, 3, 5, 1, 8, 9, 0, 6]
    """
    bits = np.random.PCG64(np.random.SeedSequence((seed, epoch))).random_raw(size)
    order = np.argsort(bits, kind="stable").astype(np.int32)
    order.setflags(write=False)
    return order


def steps_per_epoch(*, size: int, batch_size: int) -> int:
    """Number of whole batches in `size` images; the remaining images of an epoch are dropped.

    Raises:
      UserError: if there are fewer images than one batch.

    >>> steps_per_epoch(size=23, batch_size=5)
    4
    """
    refuse(batch_problems(size=size, batch_size=batch_size))
    return size // batch_size


def batch_problems(*, size: int, batch_size: int) -> Iterator[Problem]:
    """Yields a problem if a batch has more images than the data set."""
    if batch_size > size:
        remedy = "lower it, or use more images"
        what = f"is larger than {size}, the number of training images"
        yield Problem("batch_size", batch_size, what, remedy)


def batch_indices(
    step: int, *, seed: int, size: int, batch_size: int
) -> Int32[np.ndarray, " batch_size"]:
    """Indices of the images in the global batch of a step.

    Args:
      step: counted from 0 over the whole run.
      seed: of the order.
      size: number of training images.
      batch_size: of the global batch.

    Raises:
      UserError: if the batch is larger than the data set.

    >>> [batch_indices(step, seed=7, size=5, batch_size=2).tolist() for step in range(4)]
    [[3, 4], [0, 2], [1, 3], [2, 4]]
    """
    epoch, position = divmod(step, steps_per_epoch(size=size, batch_size=batch_size))
    return epoch_order(seed, epoch, size)[position * batch_size : (position + 1) * batch_size]


def candidates(step: int, row: int, *, seed: int, size: int, batch_size: int) -> Iterator[int]:
    """The image of a row of a step's batch, then those that take its place if it is unreadable.

    These are the images of the same row in the batches that follow, around the epoch: others of
    the same epoch, not of the same batch, and a function of the row in the global batch alone.

    >>> from itertools import islice
    >>> list(islice(candidates(1, 0, seed=7, size=5, batch_size=2), 3))
    [0, 1, 4]
    """
    epoch, position = divmod(step, steps_per_epoch(size=size, batch_size=batch_size))
    order = epoch_order(seed, epoch, size)
    for batch in itertools.count(position):
        yield int(order[(batch * batch_size + row) % size])


def own_rows(
    indices: Int32[np.ndarray, " batch_size"], *, process_index: int, process_count: int
) -> Int32[np.ndarray, " rows"]:
    """The part of a global batch that one process reads: a contiguous block.

    >>> own_rows(np.arange(8, dtype=np.int32), process_index=1, process_count=2).tolist()
    [4, 5, 6, 7]
    """
    rows = len(indices) // process_count
    return indices[process_index * rows : (process_index + 1) * rows]
