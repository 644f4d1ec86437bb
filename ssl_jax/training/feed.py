"""Feeds the images of each step, either resident on the devices or streamed to them.

Both give the same images in the same order; which images a step gets depends on the step alone.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import grain
import jax
import numpy as np
from jaxtyping import Int

from ssl_jax.augment.policy import ViewSpec
from ssl_jax.data.crop import Crop, Crops
from ssl_jax.data.dataset import Dataset, bytes_of, in_memory
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.order import batch_indices, own_rows
from ssl_jax.data.stream import BatchRows, measure_rate, stream
from ssl_jax.devices.sharding import Shardings, put
from ssl_jax.errors import UserError
from ssl_jax.training.step import Examples

# How much of a device's memory the images may take; larger data sets are streamed.
RESIDENT_SHARE = 0.3
RESIDENT_BYTES_ON_CPU = 2.0 * 1024**3
# Images of many sizes that take so much stay decoded in the memory of the host, shrunk if they are
# large: the same on any machine, since that changes pixels.
KEPT_BYTES = 2.0 * 1024**3
USUAL_ASPECT = 4 / 3


class Unreadable:
    """Encoded images that were met while streaming and cannot be read; each is reported once.

    Attributes:
      found: their names, in the order in which they were met.
      report: gets a line about each.
    """

    def __init__(self, dataset: Dataset):
        self.found: dict[int, str] = {}
        self.report: Callable[[str], None] = print
        self._images = dataset.images

    def note(self, indices: Int[np.ndarray, " n"]) -> None:
        """Reports those of the images at `indices` that are new."""
        for index in set(map(int, indices)) - set(self.found):
            assert isinstance(self._images, EncodedImages)
            name = self.found[index] = self._images.name(index)
            reason = self._images.why_unreadable(index)
            self.report(f"{name} cannot be read, others take its place: {reason}")


class Feed(NamedTuple):
    """Where the images of each step come from.

    inputs: (step, count) -> inputs of `count` steps, on the devices; with a leading axis of steps
      if `count` is more than 1.
    gather: (constants, inputs of one step) -> images of that step; traced into the train step.
    constants: arrays that stay on the devices.
    close: stops reading in the background.
    unreadable: images that could not be read so far, and were replaced.
    capacity: (step) -> examples a second that reading gives where nothing waits for it, measured
      over the batches from that step on, which training gets next.
    """

    inputs: Callable[[int, int], Any]
    gather: Callable[[Any, Any], Examples]
    constants: Any
    close: Callable[[], None]
    unreadable: Unreadable | None = None
    capacity: Callable[[int], float] | None = None


def keeps(dataset: Dataset) -> bool:
    """Whether the images stay on the devices: they are of one size, and few enough."""
    if varies(dataset):
        return False
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return bytes_of(dataset) <= RESIDENT_BYTES_ON_CPU
    stats = device.memory_stats() or {}
    return bytes_of(dataset) <= RESIDENT_SHARE * stats.get("bytes_limit", 16 * 1024**3)


def varies(dataset: Dataset) -> bool:
    """Whether each image has a size of its own, so that crops are cut out of it on the host."""
    images = dataset.images
    return isinstance(images, EncodedImages) and not images.uniform


def host_crops(dataset: Dataset, specs: Sequence[ViewSpec], key: Any) -> Crops | None:
    """The crops that the host makes of the images; None where the devices make them.

    Args:
      dataset: training images.
      specs: the kinds of views.
      key: of the train state.
    """
    if not varies(dataset):
        return None
    views = [
        Crop(*(getattr(spec, field) for field in Crop._fields))
        for spec in specs
        for _ in range(spec.copies)
    ]
    # No crop of the usual scales is enlarged more from such an image than from one of ImageNet.
    short_side = 2 * max(view.size for view in views)
    count, channels = len(dataset.images), dataset.images.shape[-1]
    keeps = count * channels * short_side**2 * USUAL_ASPECT <= KEPT_BYTES
    return Crops(tuple(views), np.asarray(jax.random.key_data(key)), short_side if keeps else 0)


def on_device(dataset: Dataset, *, batch_size: int, seed: int, shardings: Shardings) -> Feed:
    """A feed with all images in device memory as uint8; a step's inputs are the image indices."""
    dataset = in_memory(dataset)
    order = {"seed": seed, "size": len(dataset.images), "batch_size": batch_size}
    process = {"process_index": jax.process_index(), "process_count": jax.process_count()}
    constants = put((dataset.images, dataset.labels), shardings.replicated)

    def inputs(step: int, count: int) -> Any:
        rows = [own_rows(batch_indices(step + i, **order), **process) for i in range(count)]
        if count == 1:
            return put(rows[0], shardings.batch)
        return put(np.stack(rows), shardings.steps)

    def gather(constants: Any, indices: Any) -> Examples:
        images, labels = constants
        return Examples(images[indices], indices, None if labels is None else labels[indices])

    return Feed(inputs, gather, constants, lambda: None)


def streamed(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    workers: int,
    steps: int,
    shardings: Shardings,
    crops: Crops | None = None,
) -> Feed:
    """A feed whose images grain reads while the devices compute, a few batches ahead.

    Args:
      dataset: training images.
      batch_size: of the global batch.
      seed: of the order.
      workers: processes that read; 0 reads in threads of this one.
      steps: of the whole run.
      shardings: where a batch is placed.
      crops: see `host_crops`.
    """
    batches: grain.DatasetIterator[Any] | None = None
    position = -1
    unreadable = Unreadable(dataset)
    ready: deque[BatchRows] = deque()  # batches by which the capacity was measured

    def close() -> None:
        if batches is not None:
            batches.close()

    def open_at(step: int) -> grain.DatasetIterator[BatchRows]:
        nonlocal batches, position
        if batches is None or step != position:
            close()
            ready.clear()
            batches = stream(
                dataset,
                batch_size=batch_size,
                seed=seed,
                start=step,
                stop=steps,
                process_index=jax.process_index(),
                process_count=jax.process_count(),
                workers=workers,
                crops=crops,
            )
            position = step
        return batches

    def inputs(step: int, count: int) -> Any:
        nonlocal position
        source = open_at(step)
        rows = [ready.popleft() if ready else _next(source) for _ in range(count)]
        rows = [_examples(batch, unreadable) for batch in rows]
        position = step + count
        if count == 1:
            return put(rows[0], shardings.batch)
        return put(jax.tree.map(lambda *parts: np.stack(parts), *rows), shardings.steps)

    def capacity(step: int) -> float:
        rate, measured = measure_rate(open_at(step), batch_size)
        ready.extend(measured)
        return rate

    def gather(constants: Any, rows: Any) -> Examples:
        del constants
        return Examples(*rows)

    return Feed(inputs, gather, None, close, unreadable, capacity)


def _examples(rows: BatchRows, unreadable: Unreadable) -> tuple[Any, Any, Any]:
    unreadable.note(rows.wanted[rows.wanted != rows.indices])
    return rows.images, rows.indices, rows.labels


def _next(batches: Iterator[Any]) -> Any:
    """The next batch.

    Raises:
      UserError: if a process that reads images was killed.
    """
    try:
        return next(batches)
    except RuntimeError as error:
        if "Worker process was terminated" not in str(error):
            raise
        raise UserError(
            "a process that reads images was killed, perhaps for want of memory: lower "
            "config.data.workers, or run the same command again to resume"
        ) from error
