"""Everything needed to train a model: the initial state, the images, and the compiled step."""

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
    """A method, its optimizer and its images as one train step; compiles and reads when needed.

    Attributes:
      step: the train step, not compiled: (train state, examples) -> (train state, metrics).

    Args:
      method: the method to train.
      optimizer: updates its parameters.
      schedule: learning rate by step, for the metrics.
      augment: makes the views.
      shardings: of the train state and of batches.
      seed: determines all randomness in the run.
      images: shape [N, H, W, C] of a batch.
      open_feed: opens the images; called once, when they are first needed.
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
        """Shapes, dtypes and shardings of the train state."""
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=self._shardings.replicated
            ),
            jax.eval_shape(self._initial, self._key),
        )

    def trace(self, *, labelled: bool) -> None:
        """Traces the initial state and the step, so that shape errors surface before compiling.

        Args:
          labelled: whether the training images have labels.

        Raises:
          UserError: from the component that the shapes do not fit.
        """
        images = jax.ShapeDtypeStruct(self._images, jnp.uint8)
        indices = jax.ShapeDtypeStruct(self._images[:1], jnp.int32)
        state = jax.eval_shape(self._init, self._key, images)
        examples: Any = Examples(images, indices, indices if labelled else None)  # type: ignore[arg-type]
        jax.eval_shape(self.step, state, examples)

    @cached_property
    def feed(self) -> Feed:
        """The images, opened on first use."""
        return self._open_feed()

    @cached_property
    def compiled(self) -> CompiledStep:
        """The step on the images of the feed, compiled on its first call."""
        return CompiledStep(self.step, self.feed, self._shardings)

    def advance(self, train: TrainState, inputs: Any, count: int) -> tuple[TrainState, Metrics]:
        """Runs `count` steps; see `CompiledStep`."""
        return self.compiled(train, inputs, count)

    def lower(self) -> jax.stages.Lowered:
        """The train step as it is run in training, not compiled."""
        return self.compiled.lower(self.shapes(), self.feed.inputs(0, 1))

    def unreadable(self) -> list[str]:
        """Names of the images that this process could not read so far."""
        feed = self.__dict__.get("feed")
        return list(feed.unreadable.found.values()) if feed and feed.unreadable else []

    def close(self) -> None:
        """Stops reading images in the background."""
        if "feed" in self.__dict__:
            self.feed.close()
