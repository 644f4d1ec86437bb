"""The train state and the train step: pure functions, no branches.

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

# Scalars, or arrays of one value a step where several steps ran in one program.
Metrics = dict[str, Float[Array, "*steps"]]
# Keys [n] and images [n, h, w, c] -> views in [0, 1].
Augment = Callable[[Any, Any], tuple[Any, ...]]


class TrainState(NamedTuple):
    """All that changes during training.

    step: updates so far. params, state: the method's. opt: the optimizer's. key: never changes;
    the randomness of a step is folded in from its number.
    """

    step: Int[Array, ""]
    params: Params
    state: State
    opt: Any
    key: Key[Array, ""]


class Examples(NamedTuple):
    """The images of one step; rows are dataset examples.

    images: uint8 [N, H, W, C]. indices: their numbers in the data set, int32 [N].
    labels: int32 [N] or None.
    """

    images: UInt8[Array, "n h w c"]
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
    """The state before the first step; call it under jit. `images` gives only its shape."""
    init_key, train_key = jax.random.split(key)
    views = augment(jax.random.split(init_key, len(images)), images)
    params, state = method.init(init_key, Batch(views))
    opt = optimizer.init(params)
    return TrainState(jnp.zeros((), jnp.int32), params, state, opt, train_key)


def make_train_step(
    *,
    method: Method,
    optimizer: optax.GradientTransformation,
    augment: Augment,
    schedule: optax.Schedule,
) -> Callable[[TrainState, Examples], tuple[TrainState, Metrics]]:
    """One update as a function (train state, images) -> (train state, metrics); not yet jitted.

    Its parts are scopes, by which profiles tell their kernels apart.
    """

    def train_step(train: TrainState, batch: Examples) -> tuple[TrainState, Metrics]:
        step_key = jax.random.fold_in(train.key, train.step)
        method_key, image_key = jax.random.split(step_key)
        # By the number of the image, not by its place in the batch: the views are the same
        # whatever the number of devices and processes.
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
    """Std over the batch of L2-normalised embeddings times sqrt(d), mean over d and the views.

    1 where they spread evenly over the sphere, 0 where all are the same (SimSiam, arXiv
    2011.10566, Section 4.1).
    """
    ratios = [jnp.mean(jnp.std(normalize(e), axis=0)) * math.sqrt(e.shape[1]) for e in embeddings]
    return jnp.mean(jnp.stack(ratios))
