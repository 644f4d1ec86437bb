"""From a data set to the images of a step: resident on the devices, or streamed to them.

Both give the same images in the same order; the position is a function of the step alone.
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
from ssl_jax.training.step import Examples, Metrics, TrainState

# What one device may give to the images; above it they are streamed.
RESIDENT_SHARE = 0.3
RESIDENT_BYTES_ON_CPU = 2.0 * 1024**3


class Pipeline(NamedTuple):
    """feed: (step, count) -> device inputs of `count` steps, with an axis of steps if more than 1.
    read: (resident, inputs of one step) -> the images of that step; traced into the train step.
    resident: what stays on the devices. close: ends what runs in the background.
    """

    feed: Callable[[int, int], Any]
    read: Callable[[Any, Any], Examples]
    resident: Any
    close: Callable[[], None]


def fits(dataset: Dataset) -> bool:
    """Whether the images may stay on the devices."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return bytes_of(dataset) <= RESIDENT_BYTES_ON_CPU
    stats = device.memory_stats() or {}
    return bytes_of(dataset) <= RESIDENT_SHARE * stats.get("bytes_limit", 16 * 1024**3)


def on_device(dataset: Dataset, *, batch_size: int, seed: int, shardings: Shardings) -> Pipeline:
    """All images in device memory as uint8; a step is fed the numbers of its images."""
    dataset = in_memory(dataset)
    order = {"seed": seed, "size": len(dataset.images), "batch_size": batch_size}
    process = {"process_index": jax.process_index(), "process_count": jax.process_count()}
    resident = put((dataset.images, dataset.labels), shardings.replicated)

    def feed(step: int, count: int) -> Any:
        rows = [own_rows(batch_indices(step + i, **order), **process) for i in range(count)]
        if count == 1:
            return put(rows[0], shardings.batch)
        return put(np.stack(rows), shardings.steps)

    def read(resident: Any, indices: Any) -> Examples:
        images, labels = resident
        return Examples(images[indices], indices, None if labels is None else labels[indices])

    return Pipeline(feed, read, resident, lambda: None)


def streamed(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    workers: int,
    steps: int,
    shardings: Shardings,
) -> Pipeline:
    """Images read by grain while the devices compute, a few batches ahead."""
    batches: grain.DatasetIterator[Any] | None = None
    position = -1

    def close() -> None:
        if batches is not None:
            batches.close()

    def feed(step: int, count: int) -> Any:
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

    def read(resident: Any, rows: Any) -> Examples:
        del resident
        return Examples(rows.images, rows.indices, rows.labels)

    return Pipeline(feed, read, None, close)


class Advance:
    """(train state, inputs, count) -> (train state, metrics), compiled, the old state donated.

    Inputs of several steps run in one program, a scan. That is for accelerators: on CPU the
    gradients of convolutions run many times slower inside a loop.
    """

    def __init__(
        self,
        train_step: Callable[[TrainState, Examples], tuple[TrainState, Metrics]],
        pipeline: Pipeline,
        shardings: Shardings,
    ):
        def single(train: TrainState, resident: Any, inputs: Any) -> tuple[TrainState, Metrics]:
            return train_step(train, pipeline.read(resident, inputs))

        def several(train: TrainState, resident: Any, inputs: Any) -> tuple[TrainState, Metrics]:
            return jax.lax.scan(lambda state, step: single(state, resident, step), train, inputs)

        place = (shardings.replicated, shardings.replicated)
        self._single = jax.jit(single, donate_argnums=0, out_shardings=place)
        self._several = jax.jit(several, donate_argnums=0, out_shardings=place)
        self._resident = pipeline.resident

    def __call__(self, train: TrainState, inputs: Any, count: int) -> tuple[TrainState, Metrics]:
        return (self._single if count == 1 else self._several)(train, self._resident, inputs)

    def lower(self, train: Any, inputs: Any) -> jax.stages.Lowered:
        """The program of one step, not compiled; of `train` shapes and shardings are enough."""
        return self._single.lower(train, self._resident, inputs)

    def compilations(self) -> int:
        """How many programs were compiled so far: one, or two with several steps a call."""
        programs: tuple[Any, ...] = (self._single, self._several)
        return sum(program._cache_size() for program in programs)
