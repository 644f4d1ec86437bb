"""ResNet variables under the names and in the layouts of torchvision and timm, and back.

    params/layer1_0/conv1/kernel [H, W, I, O]    layer1.0.conv1.weight [O, I, H, W]
    params/layer1_0/downsample_conv/kernel       layer1.0.downsample.0.weight
    params/layer1_0/downsample_bn/scale          layer1.0.downsample.1.weight
    batch_stats/bn1/var                          bn1.running_var
    params/fc/kernel [I, O]                      fc.weight [O, I]

The network's own normalisation of images has no counterpart there: exported networks expect images
that are already normalised.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ssl_jax.errors import UserError
from ssl_jax.types import Params

_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def to_torch(variables: Params) -> dict[str, np.ndarray]:
    """Converts the variables of a ResNet to a state dict.

    It is complete for a strict load: `num_batches_tracked`, which PyTorch keeps but does not use
    here, is 0.

    Args:
      variables: {"params": ..., "batch_stats": ...}.

    Returns:
      The state dict, with NumPy arrays.
    """
    state_dict = {}
    for (_, *modules, leaf), value in flatten_dict(variables).items():
        module = _torch_module("/".join(modules))
        value = np.asarray(value)
        if leaf == "kernel":
            value = value.transpose((3, 2, 0, 1) if value.ndim == 4 else (1, 0))
        state_dict[f"{module}.{_LEAVES[leaf]}"] = np.array(value, order="C")
        if leaf == "var":
            state_dict[f"{module}.num_batches_tracked"] = np.asarray(0, np.int64)
    return state_dict


def from_torch(state_dict: Mapping[str, Any]) -> Params:
    """The inverse of `to_torch`.

    Args:
      state_dict: values may be NumPy arrays or CPU tensors.

    Returns:
      {"params": ..., "batch_stats": ...}.

    Raises:
      UserError: for an entry that no ResNet has.
    """
    flat = {}
    for name, tensor in state_dict.items():
        module, _, leaf = name.rpartition(".")
        path = tuple(_flax_module(module).split("/"))
        # A copy, because PyTorch changes its tensors in place.
        value = np.asarray(tensor).copy()
        match leaf, value.ndim:
            case "weight", 4:
                flat["params", *path, "kernel"] = value.transpose(2, 3, 1, 0)
            case "weight", 2:
                flat["params", *path, "kernel"] = value.transpose(1, 0)
            case "weight", 1:
                flat["params", *path, "scale"] = value
            case "bias", 1:
                flat["params", *path, "bias"] = value
            case "running_mean", 1:
                flat["batch_stats", *path, "mean"] = value
            case "running_var", 1:
                flat["batch_stats", *path, "var"] = value
            case "num_batches_tracked", 0:
                pass
            case _:
                raise UserError(f"state dict entry {name!r} {value.shape} belongs to no ResNet")
    return unflatten_dict(flat)


def _torch_module(path: str) -> str:
    """layer1_0/downsample_bn -> layer1.0.downsample.1"""
    path = re.sub(r"^layer(\d+)_(\d+)/", r"layer\1.\2.", path)
    return path.replace("downsample_conv", "downsample.0").replace("downsample_bn", "downsample.1")


def _flax_module(name: str) -> str:
    """layer1.0.downsample.1 -> layer1_0/downsample_bn"""
    name = re.sub(r"^layer(\d+)\.(\d+)\.", r"layer\1_\2/", name)
    return name.replace("downsample.0", "downsample_conv").replace("downsample.1", "downsample_bn")
