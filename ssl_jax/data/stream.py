"""Batches of images that do not fit in memory, read ahead by grain.

They hold the same images in the same order as `order.batch_indices` gives to the resident pipeline.
The step alone determines the position, so there is no iterator state to save: a resumed run starts
at its step. An encoded image that cannot be read is met here first; another one takes its place.
"""

import dataclasses
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import grain
import numpy as np
from absl import flags
from jaxtyping import Int32, UInt8

from ssl_jax.data.crop import Crops, draw, make_views, shrunk
from ssl_jax.data.dataset import READ_AT_ONCE, Dataset, gather
from ssl_jax.data.decode import Opened
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.order import batch_indices, candidates, own_rows, steps_per_epoch
from ssl_jax.errors import UserError, require

# Batches by which the speed of reading is measured, and those before them that do not count.
MEASURED, UNCOUNTED = 7, 3
MEASURING_SECONDS, MEASURING_BYTES = 5.0, 2**30
# Images of a row that are tried before the set as a whole counts as unreadable.
ATTEMPTS = 20

Pixels = UInt8[np.ndarray, "b _h _w c"]


class BatchRows(NamedTuple):
    """The rows of a global batch that this process reads.

    images: [B, H, W, C]; or for each view the images cropped for it, [B, size, size, C].
    labels: class indices [B]; None for an unlabelled set.
    indices: positions of the images in the data set [B].
    wanted: the same before unreadable images were replaced [B].
    """

    images: Pixels | tuple[Pixels, ...]
    labels: Int32[np.ndarray, " b"] | None
    indices: Int32[np.ndarray, " b"]
    wanted: Int32[np.ndarray, " b"]


@dataclasses.dataclass(frozen=True)
class Batches:
    """A random-access source for grain, each item of which is the whole batch of a step.

    A source of single images would spend 14 to 29 times as long in grain as in reading.

    dataset: training images.
    batch_size: of the global batch.
    seed: of the order.
    steps: number of items.
    crops: of the views, of encoded images; None: images are not cropped here.
    process_index: this process.
    process_count: number of processes that share a batch.
    threads: number of threads that read the images of a batch.
    kept: where images that `crops` shrinks stay once they are decoded; None to decode them anew.
    """

    dataset: Dataset
    batch_size: int
    seed: int
    steps: int
    crops: Crops | None
    process_index: int
    process_count: int
    threads: int
    kept: dict[int, Opened] | None = None

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> BatchRows:
        step, labels = int(index), self.dataset.labels
        wanted = batch_indices(step, **self._order)
        wanted = own_rows(
            wanted, process_index=self.process_index, process_count=self.process_count
        )
        if isinstance(self.dataset.images, EncodedImages):
            images, indices = self._decode(step, wanted)
        else:
            images, indices = gather(self.dataset.images, wanted, threads=self.threads), wanted
        return BatchRows(images, None if labels is None else labels[indices], indices, wanted)

    @property
    def _order(self) -> dict[str, int]:
        size = len(self.dataset.images)
        return {"seed": self.seed, "size": size, "batch_size": self.batch_size}

    def _decode(
        self, step: int, wanted: Int32[np.ndarray, " b"]
    ) -> tuple[Pixels | tuple[Pixels, ...], Int32[np.ndarray, " b"]]:
        """(the images of a step, or their views; which images these are)."""
        source, crops = self.dataset.images, self.crops
        assert isinstance(source, EncodedImages)
        sides = [view.size for view in crops.views] if crops else [source.image_size]
        parts = tuple(
            np.empty((len(wanted), side, side, source.channels), np.uint8) for side in sides
        )
        draws = draw(crops, step, wanted) if crops else None
        indices = wanted.copy()

        def pixels(row: int, index: int) -> list[UInt8[np.ndarray, "_h _w c"]]:
            if crops is None or draws is None:
                return [source[index]]
            replaced = index != wanted[row]
            numbers = draw(crops, step, np.array([index]))[0] if replaced else draws[row]
            return make_views(self._open(index, crops), crops, numbers, channels=source.channels)

        def read(start: int) -> None:
            for row in range(start, min(start + READ_AT_ONCE, len(wanted))):
                number = row + self.process_index * len(wanted)
                in_turn = islice(candidates(step, number, **self._order), ATTEMPTS)
                indices[row], found = _first_readable(source, in_turn, row, pixels)
                for part, view in zip(parts, found, strict=True):
                    part[row] = view

        _for_each(read, range(0, len(wanted), READ_AT_ONCE), self.threads)
        return parts if crops else parts[0], indices

    def _open(self, index: int, crops: Crops) -> Opened:
        source, kept = self.dataset.images, self.kept
        assert isinstance(source, EncodedImages)
        if kept is not None and index in kept:
            return kept[index]
        image = source.open(index)
        if crops.short_side:
            image = shrunk(image, crops.short_side, channels=source.channels)
            if kept is not None:
                kept[index] = image
        return image


def _first_readable(
    source: EncodedImages,
    in_turn: Iterable[int],
    row: int,
    pixels: Callable[[int, int], list[UInt8[np.ndarray, "_h _w c"]]],
) -> tuple[int, list[UInt8[np.ndarray, "_h _w c"]]]:
    """(index, pixels) of the first image that can be read.

    Raises:
      UserError: if none can be.
    """
    last = ""
    for index in in_turn:
        try:
            return index, pixels(row, index)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise nearly anything for a damaged image
            last = f"{source.name(index)} ({error!r})"
    raise UserError(f"{ATTEMPTS} images in a row cannot be read, {last} and those before it")


def _for_each(call: Callable[[int], None], items: Iterable[int], threads: int) -> None:
    if threads == 1:
        for item in items:
            call(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(call, items):
            pass  # re-raises an error of a thread


def stream(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    start: int,
    stop: int,
    crops: Crops | None = None,
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
      crops: of the views, of encoded images; None leaves cropping to the devices.
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
    threads = max(1, cores() // max(1, workers))
    process = (process_index, process_count)
    source = Batches(
        dataset, batch_size, seed, stop, crops, *process, threads, None if workers else {}
    )
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


def measure_rate(batches: Iterator[BatchRows], batch_size: int) -> tuple[float, list[BatchRows]]:
    """(images a second of the global batch that `batches` gives, the batches that it took).

    The first three do not count: the first waits for workers to start, and others are read beside
    it. It stops after ten batches, 5 s or 1 GiB, and gives 0 where that are too few to tell.
    """
    taken: list[BatchRows] = []
    start = first = now = time.monotonic()
    for rows in islice(batches, MEASURED + UNCOUNTED):
        taken.append(rows)
        now = time.monotonic()
        if len(taken) <= UNCOUNTED:
            first = now
        views = rows.images if isinstance(rows.images, tuple) else (rows.images,)
        size = len(taken) * sum(view.nbytes for view in views)
        if now - start > MEASURING_SECONDS or size > MEASURING_BYTES:
            break
    counted = len(taken) - UNCOUNTED
    return (batch_size * counted / (now - first) if counted > 0 else 0.0), taken


def cores() -> int:
    """Cores that this process may use; batch systems give it some of the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
