"""Variables of any backbone as a state dict of torchvision (ResNets) or timm (ViTs), and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssl_jax.errors import UserError
from ssl_jax.networks import timm_names, torch_names
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.custom import CustomBackbone
from ssl_jax.networks.resnet import ResNet
from ssl_jax.types import Params

NAMELESS = "your own network has no state dict in torchvision or timm"


def to_state_dict(
    backbone: Backbone, variables: Params, *, image_size: int
) -> dict[str, np.ndarray]:
    """Converts a backbone's variables to a state dict.

    Args:
      backbone: the network.
      variables: {"params": ..., "batch_stats": ...}.
      image_size: side in pixels of the square images that the state dict is for.

    Returns:
      The state dict, with NumPy arrays.

    Raises:
      UserError: for the user's own network, whose parts have no names in either library.
    """
    if isinstance(backbone, ResNet):
        return torch_names.to_torch(variables)
    if isinstance(backbone, CustomBackbone):
        raise UserError(NAMELESS)
    return timm_names.to_timm(variables, backbone, image_size=image_size)


def from_state_dict(backbone: Backbone, state_dict: Mapping[str, Any]) -> Params:
    """Converts a state dict to a backbone's variables.

    Args:
      backbone: the network.
      state_dict: values may be NumPy arrays or CPU tensors.

    Returns:
      {"params": ..., "batch_stats": ...}.

    Raises:
      UserError: for an entry that no such network has, or for the user's own network.
    """
    if isinstance(backbone, ResNet):
        return torch_names.from_torch(state_dict)
    if isinstance(backbone, CustomBackbone):
        raise UserError(NAMELESS)
    params = timm_names.from_timm(state_dict, positions=backbone.positions)
    return {"batch_stats": {}, **params}
