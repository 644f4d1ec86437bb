"""What trains a model: the state that a run starts from, its images, and its compiled step."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ssl_jax.devices.sharding import Shardings
from ssl_jax.methods.parts.base import Method
from ssl_jax.training.compiled_step import CompiledStep
from ssl_jax.training.feed import Feed
from ssl_jax.training.step import (
    Augment,
    Examples,
    Metrics,
    TrainState,
    init_state,
    make_train_step,
)


class Trainer:
    """A method, its optimizer and its images as one train step; nothing is compiled or read yet.

    step: the train step, not compiled: (train state, examples) -> (train state, metrics).
    """

    def __init__(
        self,
        *,
        method: Method,
        optimizer: optax.GradientTransformation,
        schedule: optax.Schedule,
        augment: Augment,
        shardings: Shardings,
        seed: int,
        images: tuple[int, int, int, int],
        open_feed: Callable[[], Feed],
    ):
        """images: shape [N, H, W, C] of a batch. open_feed: called once, when images are needed."""
        parts = {"method": method, "optimizer": optimizer, "augment": augment}
        self.step = make_train_step(**parts, schedule=schedule)
        self._init, self._key = partial(init_state, **parts), jax.random.key(seed)
        self._images, self._shardings, self._open_feed = images, shardings, open_feed
        self._initial = jax.jit(
            lambda key: self._init(key, jnp.zeros(images, jnp.uint8)),
            out_shardings=shardings.replicated,
        )

    def init(self) -> TrainState:
        """The state before the first step, on the devices."""
        return self._initial(self._key)

    def shapes(self) -> TrainState:
        """Shapes, types and shardings of the train state."""
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=self._shardings.replicated
            ),
            jax.eval_shape(self._initial, self._key),
        )

    def trace(self, *, labelled: bool) -> None:
        """Traces init and step, so that shapes that do not fit surface before compiling.

        Raises:
          UserError: from the component that they do not fit.
        """
        images = jax.ShapeDtypeStruct(self._images, jnp.uint8)
        indices = jax.ShapeDtypeStruct(self._images[:1], jnp.int32)
        state = jax.eval_shape(self._init, self._key, images)
        examples: Any = Examples(images, indices, indices if labelled else None)  # type: ignore[arg-type]
        jax.eval_shape(self.step, state, examples)

    @cached_property
    def feed(self) -> Feed:
        """The images, opened at the first use."""
        return self._open_feed()

    @cached_property
    def compiled(self) -> CompiledStep:
        """The step over the feed, compiled at its first call."""
        return CompiledStep(self.step, self.feed, self._shardings)

    def advance(self, train: TrainState, inputs: Any, count: int) -> tuple[TrainState, Metrics]:
        """`count` steps with their inputs; see `CompiledStep`."""
        return self.compiled(train, inputs, count)

    def lower(self) -> jax.stages.Lowered:
        """The train step as training runs it, not compiled."""
        return self.compiled.lower(self.shapes(), self.feed.inputs(0, 1))

    def close(self) -> None:
        """Ends what reads images in the background."""
        if "feed" in self.__dict__:
            self.feed.close()
