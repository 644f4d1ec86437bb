"""Vision Transformer variables under the names and in the layouts of timm, and back.

    params/patch_projection/kernel [p p C, D]    patch_embed.proj.weight [D, C, p, p]
    params/class_token [D]                       cls_token [1, 1, D]
    params/class_position [D]                    pos_embed[:, 0]
    params/positions [rows, columns, D]          pos_embed[:, 1:], row by row
    params/block0/qkv/kernel [D, 3 D]            blocks.0.attn.qkv.weight [3 D, D]
    params/block0/fc1/kernel                     blocks.0.mlp.fc1.weight
    params/norm/scale                            norm.weight

timm's network with the same features, on images that are already normalised, is

    timm.models.VisionTransformer(
        img_size=..., patch_size=..., in_chans=..., num_classes=0,
        embed_dim=width, depth=..., num_heads=heads, mlp_ratio=...,
    )

and for pooling "mean" the same with class_token=False, global_pool="avg", fc_norm=False. Its table
of positions is for a single image size: learned positions are resized to it, fixed ones written
out.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ssl_jax.errors import UserError
from ssl_jax.networks.vit import VisionTransformer, sincos_positions
from ssl_jax.types import Params

_OUTSIDE = {"patch_projection": "patch_embed.proj", "norm": "norm"}
_IN_A_BLOCK = {
    "norm1": "norm1",
    "qkv": "attn.qkv",
    "proj": "attn.proj",
    "norm2": "norm2",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
}
_OURS_OUTSIDE = {theirs: ours for ours, theirs in _OUTSIDE.items()}
_OURS_IN_A_BLOCK = {theirs: ours for ours, theirs in _IN_A_BLOCK.items()}


def to_timm(
    variables: Params, network: VisionTransformer, *, image_size: int
) -> dict[str, np.ndarray]:
    """Converts the variables of a VisionTransformer to a state dict of timm.

    Args:
      variables: {"params": ...}.
      network: the VisionTransformer.
      image_size: side in pixels of the square images that the state dict is for.

    Returns:
      The state dict, with NumPy arrays.
    """
    params = dict(variables["params"])
    side = image_size // network.patch_size
    state_dict = {}
    if network.positions == "learned":
        shape = (side, side, network.width)
        table = np.asarray(jax.image.resize(params.pop("positions"), shape, "bicubic"))
    else:
        table = sincos_positions(side, side, network.width)
    positions = table.reshape(1, side * side, network.width)
    if network.pooling == "class":
        of_class = np.asarray(params.pop("class_position", np.zeros(network.width, np.float32)))
        positions = np.concatenate([of_class[None, None], positions], axis=1)
        state_dict["cls_token"] = np.asarray(params.pop("class_token"))[None, None]
    state_dict["pos_embed"] = positions
    for (*modules, leaf), value in flatten_dict(params).items():
        value = np.asarray(value)
        if modules[-1] == "patch_projection" and leaf == "kernel":
            p = network.patch_size
            value = value.reshape(p, p, -1, network.width).transpose(3, 2, 0, 1)
        elif leaf == "kernel":
            value = value.transpose(1, 0)
        name = "bias" if leaf == "bias" else "weight"
        state_dict[f"{_their_module(modules)}.{name}"] = np.array(value, order="C")
    return state_dict


def from_timm(state_dict: Mapping[str, Any], *, positions: str = "learned") -> Params:
    """Converts a state dict of timm to the variables of a VisionTransformer.

    Args:
      state_dict: values may be NumPy arrays or CPU tensors.
      positions: of the network; with "sincos" those of the state dict are left out.

    Returns:
      {"params": ...}.

    Raises:
      UserError: for an entry that no VisionTransformer has, or positions that do not form a square
        grid.
    """
    # Copies, because PyTorch changes its tensors in place.
    values = {name: np.asarray(tensor).copy() for name, tensor in state_dict.items()}
    flat = {}
    if (table := values.pop("pos_embed", None)) is not None and positions == "learned":
        if "cls_token" in values:
            flat["class_position",], table = table[0, 0], table[:, 1:]
        side = math.isqrt(table.shape[1])
        if side * side != table.shape[1]:
            raise UserError(f"pos_embed has positions of {table.shape[1]} patches, not a square")
        flat["positions",] = table.reshape(side, side, -1)
    if "cls_token" in values:
        flat["class_token",] = values.pop("cls_token")[0, 0]
    for name, value in values.items():
        module, _, leaf = name.rpartition(".")
        path = _our_module(module)
        match path and leaf, value.ndim:
            case "weight", 4:
                value = value.transpose(2, 3, 1, 0)
                flat[*path, "kernel"] = value.reshape(-1, value.shape[-1])
            case "weight", 2:
                flat[*path, "kernel"] = value.transpose(1, 0)
            case "weight", 1:
                flat[*path, "scale"] = value
            case "bias", 1:
                flat[*path, "bias"] = value
            case _:
                raise UserError(
                    f"state dict entry {name!r} {value.shape} belongs to no Vision Transformer here"
                )
    return {"params": unflatten_dict(flat)}


def _their_module(modules: Sequence[str]) -> str:
    """(block3, qkv) -> blocks.3.attn.qkv"""
    *block, module = modules
    if not block:
        return _OUTSIDE[module]
    return f"blocks.{block[0].removeprefix('block')}.{_IN_A_BLOCK[module]}"


def _our_module(name: str) -> tuple[str, ...]:
    """blocks.3.attn.qkv -> (block3, qkv); empty for a module that has no counterpart here."""
    if match := re.fullmatch(r"blocks\.(\d+)\.(.+)", name):
        ours = _OURS_IN_A_BLOCK.get(match[2])
        return (f"block{match[1]}", ours) if ours else ()
    ours = _OURS_OUTSIDE.get(name)
    return (ours,) if ours else ()
