"""Networks in a row, applied to one view or to several, and the features of the first."""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.methods.parts.base import EncodeFn, GroupsFn, KeyArray
from ssl_jax.types import Embeddings, Params, State

# Networks that are applied one after the other, by name: backbone, projector, predictor.
Chain = Mapping[str, nn.Module]


def init_chain(
    key: KeyArray, chain: Chain, images: Float[Array, "n h w c"]
) -> tuple[Params, State]:
    """Initialises every network of the chain.

    Args:
      key: random key.
      chain: the networks.
      images: [N, H, W, C]; only their shape is used.

    Returns:
      Parameters and batch statistics, each by the network's name.
    """
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
    """Applies the chain in train mode.

    Args:
      chain: the networks.
      params: by network; there may be more than those of the chain.
      stats: batch statistics, likewise.
      inputs: of the first network.
      key: for dropout.

    Returns:
      The output, and the new batch statistics of all networks in `stats`.
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
    """Applies the chain to each view by itself, with its own batch statistics.

    Returns:
      One [N, d] per view, and the new batch statistics.
    """
    outputs = []
    for index, view in enumerate(views):
        output, stats = apply_chain(chain, params, stats, view, jax.random.fold_in(key, index))
        outputs.append(output)
    return tuple(outputs), stats


def apply_together(
    chain: Chain, params: Params, stats: State, views: Sequence[Array], key: KeyArray
) -> tuple[tuple[Embeddings, ...], State]:
    """Applies the chain to several views, those of one size as one batch with common statistics.

    Returns:
      One [N, d] per view, and the new batch statistics.
    """
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
    """Multi-crop (arXiv 2006.09882, section 3.3): applies networks to crops of several sizes.

    The backbone sees the crops of one size as one batch; all crops pass through the projector as
    one batch.

    Returns:
      One [N, d] per crop, and the new batch statistics.
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


def group_networks(**groups: str) -> GroupsFn:
    """`Method.groups` that puts whole networks into groups, as in predictor="constant"."""

    def names(params: Params) -> Any:
        return {
            name: jax.tree.map(lambda _, name=name: groups.get(name, "default"), network)
            for name, network in params.items()
        }

    return names
