"""The order of the images: a pure function of the seed and the step, the same in every pipeline."""

import functools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int32

from ssl_jax.errors import Problem, refuse


@functools.lru_cache(maxsize=2)  # a step asks for its epoch's order; two, for batches read ahead
def epoch_order(seed: int, epoch: int, size: int) -> Int32[np.ndarray, " size"]:
    """The permutation of `range(size)` in which `epoch` visits the images; read-only.

    Sorts the generator's raw bits, which NumPy promises never to change (it promises nothing for
    `Generator.permutation`), so that a run resumed under another NumPy sees the same images.
    """
    bits = np.random.PCG64(np.random.SeedSequence((seed, epoch))).random_raw(size)
    order = np.argsort(bits, kind="stable").astype(np.int32)
    order.setflags(write=False)
    return order


def steps_per_epoch(*, size: int, batch_size: int) -> int:
    """Number of whole batches in `size` images; the rest of an epoch is dropped.

    Raises:
      UserError: where there is not one whole batch.
    """
    refuse(batch_problems(size=size, batch_size=batch_size))
    return size // batch_size


def batch_problems(*, size: int, batch_size: int) -> Iterator[Problem]:
    """A batch of more images than there are."""
    if batch_size > size:
        remedy = "lower it, or take more images"
        what = f"is more than the {size} training images"
        yield Problem("batch_size", batch_size, what, remedy)


def batch_indices(
    step: int, *, seed: int, size: int, batch_size: int
) -> Int32[np.ndarray, " batch_size"]:
    """Indices of the images of the global batch of `step`, counted from 0 over the whole run.

    Raises:
      UserError: where the batch is larger than the data set.
    """
    epoch, place = divmod(step, steps_per_epoch(size=size, batch_size=batch_size))
    return epoch_order(seed, epoch, size)[place * batch_size : (place + 1) * batch_size]


def own_rows(
    indices: Int32[np.ndarray, " batch_size"], *, process_index: int, process_count: int
) -> Int32[np.ndarray, " rows"]:
    """A process's part of a global batch; contiguous, so that the parts together are the batch."""
    rows = len(indices) // process_count
    return indices[process_index * rows : (process_index + 1) * rows]
