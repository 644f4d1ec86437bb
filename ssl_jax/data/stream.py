"""Batches of what does not fit in memory, read ahead by grain.

The same images in the same order as `order.batch_indices` gives to the resident pipeline. The
position is the step, so there is no iterator state to save: a resumed run starts at its step.
"""

import dataclasses
import multiprocessing
import os
import signal
import threading
from typing import NamedTuple

import grain
import numpy as np
from absl import flags
from jaxtyping import Int32, UInt8

from ssl_jax.data.dataset import Dataset, gather
from ssl_jax.data.order import batch_indices, own_rows, steps_per_epoch
from ssl_jax.errors import UserError


class Rows(NamedTuple):
    """This process's rows of a global batch; indices are those of the images in the data set."""

    images: UInt8[np.ndarray, "b h w c"]
    labels: Int32[np.ndarray, " b"] | None
    indices: Int32[np.ndarray, " b"]


@dataclasses.dataclass(frozen=True)
class Batches:
    """A random-access source of grain whose item is the whole batch of a step, for `steps` steps.

    A source of single images would spend 14 to 29 times as long in grain as in reading.
    """

    dataset: Dataset
    batch_size: int
    seed: int
    steps: int
    process_index: int
    process_count: int
    threads: int

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Rows:
        images, labels = self.dataset.images, self.dataset.labels
        indices = batch_indices(
            int(index), seed=self.seed, size=len(images), batch_size=self.batch_size
        )
        indices = own_rows(
            indices, process_index=self.process_index, process_count=self.process_count
        )
        return Rows(
            gather(images, indices, threads=self.threads),
            None if labels is None else labels[indices],
            indices,
        )


def stream(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    start: int,
    stop: int,
    process_index: int = 0,
    process_count: int = 1,
    workers: int = 0,
) -> grain.DatasetIterator[Rows]:
    """Iterates over the batches of the steps from `start` to `stop` - 1; `close()` it in the end.

    Args:
      dataset: training images.
      batch_size: of the global batch; each process gets its `process_count`-th part.
      seed: of the order.
      start: first step, counted from 0 over the whole run.
      stop: the step after the last.
      process_index: this process.
      process_count: number of processes that share a batch.
      workers: number of worker processes; with 0, threads of this process read.

    Raises:
      UserError: where the batch does not fit the data set or the number of processes.
    """
    if batch_size % process_count:
        raise UserError(
            f"batch size {batch_size} must be a multiple of the {process_count} processes"
        )
    steps_per_epoch(size=len(dataset.images), batch_size=batch_size)
    threads = max(1, (os.cpu_count() or 1) // max(1, workers))
    source = Batches(dataset, batch_size, seed, stop, process_index, process_count, threads)
    # Two batches read ahead; grain's own default is 500.
    options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=2)
    batches = grain.MapDataset.source(source)[start:stop].to_iter_dataset(options)
    if workers:
        if not flags.FLAGS.is_parsed():  # in a notebook; grain asks for flags of its own
            flags.FLAGS.mark_as_parsed()
        batches = batches.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=workers), worker_init_fn=_die_with_parent
        )
    return iter(batches)


def _die_with_parent(worker: int, workers: int) -> None:
    """Ends this worker process when its parent ends, even if killed.

    The kernel's own signal for it (PR_SET_PDEATHSIG) follows the thread that started the process,
    and grain starts them from threads that come and go.
    """
    del worker, workers
    # The trainer is asked to stop, with all its process group, and takes its leave in order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
