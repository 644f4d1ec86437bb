"""Batches of images that do not fit in memory, read ahead by grain.

They hold the same images in the same order as `order.batch_indices` gives to the resident pipeline.
The step alone determines the position, so there is no iterator state to save: a resumed run starts
at its step.
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
from ssl_jax.errors import require


class BatchRows(NamedTuple):
    """The rows of a global batch that this process reads.

    images: [B, H, W, C].
    labels: class indices [B]; None for an unlabelled set.
    indices: positions of the images in the data set [B].
    """

    images: UInt8[np.ndarray, "b h w c"]
    labels: Int32[np.ndarray, " b"] | None
    indices: Int32[np.ndarray, " b"]


@dataclasses.dataclass(frozen=True)
class Batches:
    """A random-access source for grain, each item of which is the whole batch of a step.

    A source of single images would spend 14 to 29 times as long in grain as in reading.

    dataset: training images.
    batch_size: of the global batch.
    seed: of the order.
    steps: number of items.
    process_index: this process.
    process_count: number of processes that share a batch.
    threads: number of threads that read the images of a batch.
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

    def __getitem__(self, index: int) -> BatchRows:
        images, labels = self.dataset.images, self.dataset.labels
        indices = batch_indices(
            int(index), seed=self.seed, size=len(images), batch_size=self.batch_size
        )
        indices = own_rows(
            indices, process_index=self.process_index, process_count=self.process_count
        )
        return BatchRows(
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
) -> grain.DatasetIterator[BatchRows]:
    """Iterates over the batches of the steps from `start` to `stop` - 1.

    Args:
      dataset: training images.
      batch_size: of the global batch, of which each process reads an equal part.
      seed: of the order.
      start: first step, counted from 0 over the whole run.
      stop: the step after the last one.
      process_index: this process.
      process_count: number of processes that share a batch.
      workers: number of worker processes; 0 reads in threads of this process.

    Returns:
      An iterator, to be closed with `close()`.

    Raises:
      UserError: if the batch does not suit the data set or the number of processes.
    """
    rule = f"must be a multiple of {process_count}, the number of processes that share it"
    require(batch_size % process_count == 0, "batch_size", batch_size, rule)
    steps_per_epoch(size=len(dataset.images), batch_size=batch_size)
    threads = max(1, (os.cpu_count() or 1) // max(1, workers))
    source = Batches(dataset, batch_size, seed, stop, process_index, process_count, threads)
    # Two batches are read ahead; the default of grain is 500.
    options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=2)
    batches = grain.MapDataset.source(source)[start:stop].to_iter_dataset(options)
    if workers:
        if not flags.FLAGS.is_parsed():  # in a notebook; grain reads flags of its own
            flags.FLAGS.mark_as_parsed()
        batches = batches.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=workers), worker_init_fn=_die_with_parent
        )
    return iter(batches)


def _die_with_parent(worker: int, workers: int) -> None:
    """Ends this worker process when its parent ends, even if the parent is killed.

    The kernel's own mechanism (PR_SET_PDEATHSIG) is tied to the thread that started the process,
    and grain starts workers from short-lived threads.
    """
    del worker, workers
    # These signals go to the whole process group; the trainer handles them and stops its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
