"""What several methods share: networks in a row, momentum targets, pairs of views, queues."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.losses import normalize
from ssl_jax.methods.parts.base import EncodeFn, GroupsFn, KeyArray, Step, UpdateFn
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
    chain: Chain,
    params: Params,
    stats: State,
    inputs: Float[Array, "n ..."],
    key: KeyArray,
) -> tuple[Embeddings, State]:
    """The output of the chain in train mode, and the batch statistics that follow.

    key: for dropout. `params` and `stats` may hold more networks than the chain has.
    """
    outputs, updated = inputs, dict(stats)
    for name, network in chain.items():
        variables = {"params": params[name], "batch_stats": stats[name]}
        applied: Any = network.apply(
            variables, outputs, train=True, mutable=["batch_stats"], rngs={"dropout": key}
        )
        outputs, changed = applied
        updated[name] = changed.get("batch_stats", {})
    return outputs, updated


def apply_in_turn(
    chain: Chain, params: Params, stats: State, views: Sequence[Array], key: KeyArray
) -> tuple[tuple[Embeddings, ...], State]:
    """Each view by itself, with batch statistics of its own: one [N, d] a view."""
    outputs = []
    for index, view in enumerate(views):
        output, stats = apply_chain(chain, params, stats, view, jax.random.fold_in(key, index))
        outputs.append(output)
    return tuple(outputs), stats


def apply_together(
    chain: Chain, params: Params, stats: State, views: Sequence[Array], key: KeyArray
) -> tuple[tuple[Embeddings, ...], State]:
    """Views of one size as one batch, with common batch statistics: one [N, d] a view."""
    outputs: dict[int, Embeddings] = {}
    for shape in dict.fromkeys(view.shape for view in views):
        alike = [index for index, view in enumerate(views) if view.shape == shape]
        # Interleaved: with the batch split over devices, every device keeps its own images.
        images = jnp.stack([views[index] for index in alike], axis=1)
        images = images.reshape(-1, *shape[1:])
        own_key = jax.random.fold_in(key, alike[0])
        output, stats = apply_chain(chain, params, stats, images, own_key)
        output = output.reshape(shape[0], len(alike), -1)
        outputs |= {index: output[:, place] for place, index in enumerate(alike)}
    return tuple(outputs[index] for index in range(len(views))), stats


def apply_to_crops(
    backbone: nn.Module,
    projector: nn.Module,
    params: Params,
    stats: State,
    crops: Sequence[Array],
    key: KeyArray,
) -> tuple[tuple[Embeddings, ...], State]:
    """Multi-crop (arXiv 2006.09882, section 3.3): crops of several sizes, one [N, d] a crop.

    The backbone sees the crops of one size as one batch; all of them pass the projector as one.
    """
    features, stats = apply_together({"backbone": backbone}, params, stats, crops, key)
    return apply_together({"projector": projector}, params, stats, features, key)


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


def start_target(params: Params, stats: State, names: Iterable[str]) -> State:
    """A momentum target that begins as a copy of the online networks `names`."""
    names = tuple(names)
    return {"params": {n: params[n] for n in names}, "stats": {n: stats[n] for n in names}}


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


def follow(decay: optax.Schedule) -> UpdateFn:
    """The `Method.update` that moves the parameters of state["target"] towards the online ones.

    After the optimizer's step, which is the same as before the next forward pass. Batch statistics
    of a target are its own, from its own forward passes.
    """

    def update(params: Params, state: State, step: Step) -> tuple[Params, State]:
        moved = momentum_target(state["target"]["params"], params, decay(step))
        return params, {**state, "target": {**state["target"], "params": moved}}

    return update


def group_networks(**groups: str) -> GroupsFn:
    """The `Method.groups` that puts whole networks into groups: predictor="constant"."""

    def names(params: Params) -> Any:
        return {
            name: jax.tree.map(lambda _, name=name: groups.get(name, "default"), network)
            for name, network in params.items()
        }

    return names


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


def mean_over_pairs(
    loss: Callable[[Embeddings, Embeddings], Float[Array, ""]], views: Sequence[Embeddings]
) -> Float[Array, ""]:
    """Mean of a symmetric loss(one view, another) over all pairs of views.

    Raises:
      UserError: where there are not two views.
    """
    if len(views) < 2:
        raise UserError(f"the loss between views needs at least two of them, not {len(views)}")
    return jnp.mean(jnp.stack([loss(a, b) for a, b in combinations(views, 2)]))


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


def nearest(queue: Float[Array, "k d"], embeddings: Embeddings) -> Embeddings:
    """The row of the queue, of unit vectors, with the highest cosine to each embedding.

    No gradient flows to either.
    """
    queue, embeddings = jax.lax.stop_gradient((queue, normalize(embeddings)))
    cosines = jnp.matmul(embeddings, queue.T, precision="highest")
    return queue[jnp.argmax(cosines, axis=1)]


def least_info_nce(batch_size: int, temperature: float) -> float:
    """The least that InfoNCE over a batch of N can be: log(1 + (N - 1) exp(-N / ((N - 1) T))).

    Reached where queries equal keys and are the corners of a simplex, all cosines -1 / (N - 1).
    """
    others = batch_size - 1
    return math.log1p(others * math.exp(-batch_size / (others * temperature))) if others else 0.0
