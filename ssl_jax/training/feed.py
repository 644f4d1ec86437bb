"""Feeds the images of each step, either resident on the devices or streamed to them.

Both give the same images in the same order; which images a step gets depends on the step alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import grain
import jax
import numpy as np

from ssl_jax.data.dataset import Dataset, bytes_of, in_memory
from ssl_jax.data.order import batch_indices, own_rows
from ssl_jax.data.stream import stream
from ssl_jax.devices.sharding import Shardings, put
from ssl_jax.training.step import Examples

# How much of a device's memory the images may take; larger data sets are streamed.
RESIDENT_SHARE = 0.3
RESIDENT_BYTES_ON_CPU = 2.0 * 1024**3


class Feed(NamedTuple):
    """Where the images of each step come from.

    inputs: (step, count) -> inputs of `count` steps, on the devices; with a leading axis of steps
      if `count` is more than 1.
    gather: (constants, inputs of one step) -> images of that step; traced into the train step.
    constants: arrays that stay on the devices.
    close: stops reading in the background.
    """

    inputs: Callable[[int, int], Any]
    gather: Callable[[Any, Any], Examples]
    constants: Any
    close: Callable[[], None]


def fits(dataset: Dataset) -> bool:
    """Whether the images are small enough to stay on the devices."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return bytes_of(dataset) <= RESIDENT_BYTES_ON_CPU
    stats = device.memory_stats() or {}
    return bytes_of(dataset) <= RESIDENT_SHARE * stats.get("bytes_limit", 16 * 1024**3)


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
) -> Feed:
    """A feed whose images grain reads while the devices compute, a few batches ahead."""
    batches: grain.DatasetIterator[Any] | None = None
    position = -1

    def close() -> None:
        if batches is not None:
            batches.close()

    def inputs(step: int, count: int) -> Any:
        nonlocal batches, position
        if batches is None or step != position:
            close()
            batches = stream(
                dataset,
                batch_size=batch_size,
                seed=seed,
                start=step,
                stop=steps,
                process_index=jax.process_index(),
                process_count=jax.process_count(),
                workers=workers,
            )
        rows = [next(batches) for _ in range(count)]
        position = step + count
        if count == 1:
            return put(rows[0], shardings.batch)
        return put(jax.tree.map(lambda *parts: np.stack(parts), *rows), shardings.steps)

    def gather(constants: Any, rows: Any) -> Examples:
        del constants
        return Examples(rows.images, rows.indices, rows.labels)

    return Feed(inputs, gather, None, close)
