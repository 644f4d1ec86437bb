"""The networks that a method can train, by name."""

import inspect
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike

from ssl_jax.errors import Problem, refuse, require
from ssl_jax.names.lookup import at_path
from ssl_jax.networks.custom import CustomBackbone
from ssl_jax.networks.norm import BatchNorm, batch_norm_problems
from ssl_jax.networks.resnet import ResNet, resnet18, resnet34, resnet50
from ssl_jax.networks.vit import VisionTransformer, vit_base, vit_small, vit_tiny

Backbone = ResNet | VisionTransformer | CustomBackbone

RESNETS = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50}
VITS = {
    "vit_tiny": vit_tiny,
    "vit_small": vit_small,
    "vit_base": vit_base,
    "vit": partial(VisionTransformer, patch_size=16),
}
# The stem is not among them, so that a config for ResNets can be tried with a ViT.
OF_RESNETS = ("stages", "zero_init_residual", "batch_norm_groups")
OF_VITS = ("patch_size", "depth", "heads", "mlp_ratio", "dropout", "positions", "pooling")


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
    The name "vit" says nothing but patches of 16 pixels. The stem of a ViT is ignored. A name with
    a dot is the path of a flax module class of the user's, see `CustomBackbone`; of the options it
    gets those that it has fields for.

    Raises:
      UserError: for an unknown name, for an option that this network does not have and that is
        not at its default, and for a "vit" without width, depth or heads.
    """
    common = {"dtype": dtype, "mean": mean, "std": std}
    options = {
        "width": width,
        "stages": tuple(stages),
        "stem": stem,
        "stem_padding": stem_padding,
        "zero_init_residual": zero_init_residual,
        "batch_norm_groups": batch_norm_groups,
        "patch_size": patch_size,
        "depth": depth,
        "heads": heads,
        "mlp_ratio": mlp_ratio,
        "dropout": dropout,
        "positions": positions,
        "pooling": pooling,
    }
    refuse(option_problems(name, options))
    if "." in name:
        return CustomBackbone(_custom(name, options), **common)
    if name in RESNETS:
        return RESNETS[name](
            **_given(width=width, stage_sizes=tuple(stages)),
            stem=stem,
            stem_padding=stem_padding,
            zero_init_residual=zero_init_residual,
            norm=partial(BatchNorm, groups=batch_norm_groups),
            **common,
        )
    return VITS[name](
        **_given(width=width, depth=depth, heads=heads, patch_size=patch_size),
        mlp_ratio=mlp_ratio,
        dropout=dropout,
        positions=positions,
        pooling=pooling,
        **common,
    )


def network_problems(
    options: dict[str, Any], *, batch_size: int, sides: Sequence[int] = ()
) -> Iterator[Problem]:
    """What is wrong with arguments of `make_backbone` for such batches of views of these sides."""
    given = {key: value for key, value in options.items() if key not in ("dtype", "mean", "std")}
    found = list(option_problems(given.pop("name"), given))
    yield from found
    if found:
        return
    network = make_backbone(**options)
    if isinstance(network, ResNet):
        yield from network.problems()
        yield from batch_norm_problems(batch_size, options["batch_norm_groups"])
    elif isinstance(network, VisionTransformer):
        yield from network.problems(sides)


def option_problems(name: str, options: dict[str, Any]) -> Iterator[Problem]:
    """A name that no network has, and options that this one does not have."""
    if "." in name:
        return
    if name not in (*RESNETS, *VITS):
        known = ", ".join([*RESNETS, *VITS])
        what = f"must be one of {known}, or the dotted path of a flax module of yours"
        yield Problem("name", name, what)
        return
    parameters = inspect.signature(make_backbone).parameters
    for option in OF_VITS if name in RESNETS else OF_RESNETS:
        if (value := options[option]) != (default := parameters[option].default):
            yield Problem(option, value, f"must be {default!r}: {name} has no such option")
    if name == "vit":
        for option in ("width", "depth", "heads"):
            if not options[option]:
                yield Problem(option, options[option], "must be given: the network vit has no size")


def _custom(name: str, options: dict[str, Any]) -> nn.Module:
    """The user's module, with the options that it has fields for; others are at their defaults."""
    module: Any = at_path(name)
    is_module = inspect.isclass(module) and issubclass(module, nn.Module)
    require(is_module, "name", name, "must be the path of a class of flax.linen.Module")
    parameters = inspect.signature(make_backbone).parameters
    fields = inspect.signature(module).parameters
    changed = {key: v for key, v in options.items() if v != parameters[key].default}
    for key, value in changed.items():
        require(key in fields, key, value, f"must be {parameters[key].default!r}: {name} has none")
    made: Any = module(**changed)
    return made


def _given(**options: Any) -> dict[str, Any]:
    """The options that are not left to the network's name."""
    return {option: value for option, value in options.items() if value}
