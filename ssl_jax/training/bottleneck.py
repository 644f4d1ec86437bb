"""Whether reading images or training on them bounds a run, in one line after its first steps."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

from ssl_jax.training.step import Metrics, TrainState

Advance = Callable[[TrainState, Any, int], tuple[TrainState, Metrics]]

TIMED = 3  # calls; too few for their lack of overlap to matter


class FirstSteps:
    """Advances a run, and reports what bounds it once some calls after the first are timed.

    Args:
      advance: (train state, inputs, count) -> (train state, metrics); its first call compiles.
      reading: images a second that reading gives.
      batch_size: of the global batch.
      report: gets the line.
    """

    def __init__(
        self, advance: Advance, *, reading: float, batch_size: int, report: Callable[[str], None]
    ):
        self._advance, self._report = advance, report
        self._reading, self._batch_size = reading, batch_size
        self._compiled: set[int] = set()
        self._rates: list[float] = []

    def __call__(self, train: TrainState, inputs: Any, count: int) -> tuple[TrainState, Metrics]:
        if len(self._rates) == TIMED or count not in self._compiled:
            self._compiled.add(count)
            return self._advance(train, inputs, count)
        jax.block_until_ready((train, inputs))
        start = time.monotonic()
        result = jax.block_until_ready(self._advance(train, inputs, count))
        self._rates.append(count * self._batch_size / (time.monotonic() - start))
        if len(self._rates) == TIMED:
            self._report(bound(self._reading, statistics.median(self._rates)))
        return result


def bound(reading: float, training: float) -> str:
    """What bounds a run, from the images a second of reading and of training alone.

    >>> bound(1240.0, 310.4)
    'reading gives 1,240 images/s, the train step takes 310: the step bounds the run'
    """
    figures = f"reading gives {reading:,.0f} images/s, the train step takes {training:,.0f}"
    if reading >= training:
        return f"{figures}: the step bounds the run"
    return (
        f"{figures}: reading bounds the run; more cores with config.data.workers, or smaller "
        "images by python -m ssl_jax.prepare, speed it up"
    )
