"""The train state and the train step, as pure functions without branches.

augment -> value_and_grad(method.loss) -> optimizer -> method.update
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, UInt8

from ssl_jax.losses import normalize
from ssl_jax.methods.parts.base import Method
from ssl_jax.optim.norms import global_norm
from ssl_jax.types import Batch, Params, State

# Scalars, or arrays with one value per step if several steps ran in one program.
Metrics = dict[str, Float[Array, "*steps"]]
# Keys [n] and images [n, h, w, c] -> views in [0, 1].
Augment = Callable[[Any, Any], tuple[Any, ...]]


class TrainState(NamedTuple):
    """Everything that changes during training.

    step: number of updates so far.
    params: parameters of the method, which the optimizer updates.
    state: of the method, such as batch statistics and queues.
    opt: state of the optimizer.
    key: never changes; the number of a step is folded into it for the randomness of that step.
    """

    step: Int[Array, ""]
    params: Params
    state: State
    opt: Any
    key: Key[Array, ""]


class Examples(NamedTuple):
    """The images of one step.

    images: uint8 [N, H, W, C]; or for each view the images cropped for it, [N, size, size, C].
    indices: their positions in the data set, int32 [N].
    labels: their classes, int32 [N]; None for an unlabelled data set.
    """

    images: UInt8[Array, "n h w c"] | tuple[UInt8[Array, "n _size _size c"], ...]
    indices: Int[Array, " n"]
    labels: Int[Array, " n"] | None = None


def init_state(
    key: Key[Array, ""],
    images: UInt8[Array, "n h w c"],
    *,
    method: Method,
    optimizer: optax.GradientTransformation,
    augment: Augment,
) -> TrainState:
    """The state before the first step; call it under jit.

    Args:
      key: determines all randomness in the run.
      images: a batch, of which only the shape is used.
      method: the method to train.
      optimizer: updates its parameters.
      augment: makes the views.
    """
    init_key, train_key = jax.random.split(key)  # as in `training_key`
    views = augment(jax.random.split(init_key, len(images)), images)
    params, state = method.init(init_key, Batch(views))
    opt = optimizer.init(params)
    return TrainState(jnp.zeros((), jnp.int32), params, state, opt, train_key)


def training_key(key: Key[Array, ""]) -> Key[Array, ""]:
    """The key in the train state of a run that `key` determines."""
    return jax.random.split(key)[1]


def make_train_step(
    *,
    method: Method,
    optimizer: optax.GradientTransformation,
    augment: Augment,
    schedule: optax.Schedule,
) -> Callable[[TrainState, Examples], tuple[TrainState, Metrics]]:
    """Makes the train step, (train state, examples) -> (train state, metrics); not jitted.

    Named scopes around its parts let profiles attribute kernels to them.

    Args:
      method: the method to train.
      optimizer: updates its parameters.
      augment: makes the views.
      schedule: learning rate by step, for the metrics.
    """

    def train_step(train: TrainState, batch: Examples) -> tuple[TrainState, Metrics]:
        step_key = jax.random.fold_in(train.key, train.step)
        method_key, image_key = jax.random.split(step_key)
        # Keyed by the image's index in the data set, not by its row in the batch: the views are
        # the same for any number of devices and processes.
        keys = jax.vmap(jax.random.fold_in, (None, 0))(image_key, batch.indices)
        with jax.named_scope("augment"):
            views = Batch(augment(keys, batch.images), batch.labels)

        @jax.named_scope("loss")
        def loss(params: Params) -> tuple[Float[Array, ""], Any]:
            return method.loss(params, train.state, views, method_key, train.step)

        (value, aux), gradient = jax.value_and_grad(loss, has_aux=True)(train.params)
        with jax.named_scope("optimizer"):
            updates, opt = optimizer.update(gradient, train.opt, train.params)
            params = optax.apply_updates(train.params, updates)
        with jax.named_scope("update"):
            params, state = method.update(params, aux.state, train.step)
        with jax.named_scope("metrics"):
            metrics = {
                "loss": value,
                "learning_rate": jnp.asarray(schedule(train.step), jnp.float32),
                "gradient_norm": global_norm(jax.tree.leaves(gradient)),
                "embedding_std_ratio": _std_ratio(aux.embeddings),
                **aux.metrics,
            }
        return TrainState(train.step + 1, params, state, opt, train.key), metrics

    return train_step


def _std_ratio(embeddings: tuple[Float[Array, "n d"], ...]) -> Float[Array, ""]:
    """Std of L2-normalised embeddings over the batch, times sqrt(d); mean over d and the views.

    1 if the embeddings spread evenly over the sphere, 0 if they are all the same (SimSiam, arXiv
    2011.10566, Section 4.1).
    """
    ratios = [jnp.mean(jnp.std(normalize(e), axis=0)) * math.sqrt(e.shape[1]) for e in embeddings]
    return jnp.mean(jnp.stack(ratios))
