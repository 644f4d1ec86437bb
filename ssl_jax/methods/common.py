"""What several methods share: networks in a row, momentum targets, pairs of views, queues."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.losses import normalize
from ssl_jax.methods.base import EncodeFn, KeyArray, Step
from ssl_jax.types import Params, State

# Networks that are applied one after the other, by name: backbone, projector, predictor.
Chain = Mapping[str, nn.Module]
Embeddings = Float[Array, "n d"]


def init_chain(
    key: KeyArray, chain: Chain, images: Float[Array, "n h w c"]
) -> tuple[Params, State]:
    """Parameters and batch statistics of every network of the chain, each under its name."""
    params, stats, inputs = {}, {}, images
    for index, (name, network) in enumerate(chain.items()):
        inputs, variables = network.init_with_output(
            jax.random.fold_in(key, index), inputs, train=True
        )
        params[name] = variables["params"]
        stats[name] = variables.get("batch_stats", {})
    return params, stats


def apply_chain(
    chain: Chain, params: Params, stats: State, images: Float[Array, "n h w c"]
) -> tuple[Embeddings, State]:
    """The output of the chain in train mode, and the batch statistics that follow."""
    outputs, updated = images, dict(stats)
    for name, network in chain.items():
        variables = {"params": params[name], "batch_stats": stats[name]}
        applied: Any = network.apply(variables, outputs, train=True, mutable=["batch_stats"])
        outputs, changed = applied
        updated[name] = changed.get("batch_stats", {})
    return outputs, updated


def encode_with(backbone: nn.Module) -> EncodeFn:
    """`Method.encode` of a method that keeps its online backbone under "backbone"."""

    def encode(
        params: Params, state: State, images: Float[Array, "n h w c"]
    ) -> Float[Array, "n d"]:
        variables = {
            "params": params["backbone"],
            "batch_stats": state["stats"]["backbone"],
        }
        features: Any = backbone.apply(variables, images, train=False)
        return features

    return encode


def momentum_target(target: Params, online: Params, momentum: Any) -> Params:
    """momentum * target + (1 - momentum) * online, over the networks that the target has.

    In float32, whatever the networks compute in: bfloat16 would lose an update of 0.4 %.
    """
    return {
        name: jax.tree.map(
            lambda old, new: momentum * old + (1.0 - momentum) * new, target[name], online[name]
        )
        for name in target
    }


def cross_view(
    loss: Callable[[Embeddings, Embeddings], Float[Array, ""]],
    predictions: tuple[Embeddings, ...],
    targets: tuple[Embeddings, ...],
) -> Float[Array, ""]:
    """Sum of loss(prediction of one view, target of another) over all ordered pairs of views.

    Raises:
      UserError: where there are not two views.
    """
    if len(targets) < 2:
        raise UserError(f"the loss between views needs at least two of them, not {len(targets)}")
    return jnp.sum(
        jnp.stack(
            [
                loss(prediction, target)
                for i, prediction in enumerate(predictions)
                for j, target in enumerate(targets)
                if i != j
            ]
        )
    )


def init_queue(key: KeyArray, size: int, width: int, batch_size: int) -> Float[Array, "k d"]:
    """Random unit vectors [size, width].

    Raises:
      UserError: if the queue is not a whole number of batches.
    """
    if size < batch_size or size % batch_size:
        raise UserError(f"queue size {size} must be a multiple of the batch size {batch_size}")
    return normalize(jax.random.normal(key, (size, width)))


def enqueue(queue: Float[Array, "k d"], embeddings: Embeddings, step: Step) -> Float[Array, "k d"]:
    """The queue with its oldest rows replaced by the batch, L2-normalised.

    The position follows from the step, so that it needs no state of its own.
    """
    count = len(embeddings)
    start = (step % (len(queue) // count)) * count
    return jax.lax.dynamic_update_slice_in_dim(queue, normalize(embeddings), start, axis=0)
