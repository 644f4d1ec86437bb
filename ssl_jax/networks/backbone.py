"""The networks that a method can train, by name."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from ssl_jax.errors import UserError
from ssl_jax.networks.norm import BatchNorm
from ssl_jax.networks.resnet import ResNet, resnet18, resnet34, resnet50
from ssl_jax.networks.vit import VisionTransformer, vit_base, vit_small, vit_tiny

Backbone = ResNet | VisionTransformer

RESNETS = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50}
VITS = {
    "vit_tiny": vit_tiny,
    "vit_small": vit_small,
    "vit_base": vit_base,
    "vit": partial(VisionTransformer, patch_size=16),
}


def make_backbone(
    name: str,
    *,
    width: int = 0,
    stages: Sequence[int] = (),
    stem: str = "cifar",
    stem_padding: int = 1,
    zero_init_residual: bool = False,
    batch_norm_groups: int = 1,
    patch_size: int = 0,
    depth: int = 0,
    heads: int = 0,
    mlp_ratio: float = 4.0,
    dropout: float = 0.0,
    positions: str = "sincos",
    pooling: str = "class",
    dtype: DTypeLike = jnp.float32,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
) -> Backbone:
    """The network called `name`; see `ResNet` and `VisionTransformer` for the options.

    Width, stages, patch_size, depth and heads are as the name says where they are 0 or empty.
    The name "vit" says nothing but patches of 16 pixels. The stem of a ViT is ignored, so that
    a config for ResNets can be tried with a ViT.

    Raises:
      UserError: for an unknown name, for an option that this network does not have and that is
        not at its default, and for a "vit" without width, depth or heads.
    """
    common = {"dtype": dtype, "mean": mean, "std": std}
    if name in RESNETS:
        _refuse(
            name,
            patch_size=patch_size,
            depth=depth,
            heads=heads,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            positions=positions,
            pooling=pooling,
        )
        return RESNETS[name](
            **_given(width=width, stage_sizes=tuple(stages)),
            stem=stem,
            stem_padding=stem_padding,
            zero_init_residual=zero_init_residual,
            norm=partial(BatchNorm, groups=batch_norm_groups),
            **common,
        )
    if name in VITS:
        _refuse(
            name,
            stages=tuple(stages),
            zero_init_residual=zero_init_residual,
            batch_norm_groups=batch_norm_groups,
        )
        sizes = _given(width=width, depth=depth, heads=heads)
        if name == "vit" and len(sizes) < 3:
            raise UserError(
                f"network vit needs width, depth and heads, not {width}, {depth} and {heads}"
            )
        return VITS[name](
            **sizes,
            **_given(patch_size=patch_size),
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            positions=positions,
            pooling=pooling,
            **common,
        )
    raise UserError(f"unknown network {name!r}; there are {', '.join([*RESNETS, *VITS])}")


def _given(**options: Any) -> dict[str, Any]:
    """The options that are not left to the network's name."""
    return {option: value for option, value in options.items() if value}


def _refuse(name: str, **options: Any) -> None:
    """Options that the network does not have must be at their defaults."""
    parameters = inspect.signature(make_backbone).parameters
    for option, value in options.items():
        if value != (default := parameters[option].default):
            raise UserError(f"network {name} has no {option}: {value!r} must be {default!r}")
