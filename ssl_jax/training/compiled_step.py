"""The train step, compiled."""

from collections.abc import Callable
from typing import Any

import jax

from ssl_jax.devices.sharding import Shardings
from ssl_jax.training.feed import Feed
from ssl_jax.training.step import Examples, Metrics, TrainState

Step = Callable[[TrainState, Examples], tuple[TrainState, Metrics]]


class CompiledStep:
    """(train state, inputs, count) -> (train state, metrics), compiled; donates the old state.

    Several steps run in one program, a scan. This is meant for accelerators: on CPU, gradients of
    convolutions are many times slower inside a loop.

    Args:
      train_step: (train state, examples) -> (train state, metrics).
      feed: where the images come from.
      shardings: of the train state.
    """

    def __init__(self, train_step: Step, feed: Feed, shardings: Shardings):
        def single(train: TrainState, constants: Any, inputs: Any) -> tuple[TrainState, Metrics]:
            return train_step(train, feed.gather(constants, inputs))

        def several(train: TrainState, constants: Any, inputs: Any) -> tuple[TrainState, Metrics]:
            return jax.lax.scan(lambda state, step: single(state, constants, step), train, inputs)

        place = (shardings.replicated, shardings.replicated)
        self._single = jax.jit(single, donate_argnums=0, out_shardings=place)
        self._several = jax.jit(several, donate_argnums=0, out_shardings=place)
        self._constants = feed.constants

    def __call__(self, train: TrainState, inputs: Any, count: int) -> tuple[TrainState, Metrics]:
        return (self._single if count == 1 else self._several)(train, self._constants, inputs)

    def lower(self, train: Any, inputs: Any) -> jax.stages.Lowered:
        """The program of one step, not compiled; `train` may be shapes and shardings only."""
        return self._single.lower(train, self._constants, inputs)

    def compilations(self) -> int:
        """Number of programs compiled so far: one, or two with several steps per call."""
        programs: tuple[Any, ...] = (self._single, self._several)
        return sum(program._cache_size() for program in programs)
