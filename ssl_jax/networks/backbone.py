"""The backbones that a method can train, by name."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike

from ssl_jax.errors import Problem, refuse, require
from ssl_jax.names.lookup import at_path
from ssl_jax.networks.custom import CustomBackbone
from ssl_jax.networks.norm import BatchNorm, batch_norm_problems
from ssl_jax.networks.resnet import STEMS, ResNet, resnet18, resnet34, resnet50
from ssl_jax.networks.vit import (
    POOLINGS,
    POSITIONS,
    VisionTransformer,
    vit_base,
    vit_small,
    vit_tiny,
)
from ssl_jax.options.kinds import (
    Count,
    LayersOrNone,
    Number,
    OneOf,
    PixelsOrNone,
    Range,
    ShareBelowOne,
    Stages,
    WidthOrNone,
)

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
    width: WidthOrNone = 0,
    stages: Stages = (),
    stem: Annotated[str, OneOf(STEMS)] = "cifar",
    stem_padding: Annotated[int, Range(0, 16)] = 1,
    zero_init_residual: bool = False,
    batch_norm_groups: Count = 1,
    patch_size: PixelsOrNone = 0,
    depth: LayersOrNone = 0,
    heads: Annotated[int, Range(0, 1024)] = 0,
    mlp_ratio: Annotated[Number, Range(0.0, 100.0, above=True)] = 4.0,
    dropout: ShareBelowOne = 0.0,
    positions: Annotated[str, OneOf(POSITIONS)] = "sincos",
    pooling: Annotated[str, OneOf(POOLINGS)] = "class",
    dtype: DTypeLike = jnp.float32,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
) -> Backbone:
    """Makes the backbone called `name`; see `ResNet` and `VisionTransformer` for details.

    Args:
      name: a key of `RESNETS` or `VITS`, or the dotted path of a flax module class of your own, see
        `CustomBackbone`; that class receives those of the options that it has fields for. The name
        "vit" fixes nothing except patches of 16 pixels.
      width: channels of a ResNet's first stage, or width of a ViT's tokens; 0: as the name says.
      stages: blocks in each stage of a ResNet; empty: as the name says.
      stem: of a ResNet, one of `resnet.STEMS`; ignored by a ViT.
      stem_padding: of a ResNet's 3x3 stem.
      zero_init_residual: start every block of a ResNet as its shortcut.
      batch_norm_groups: groups of the batch with statistics of their own, in a ResNet.
      patch_size: side of a ViT's patches in pixels; 0: as the name says.
      depth: number of a ViT's blocks; 0: as the name says.
      heads: attention heads of a ViT; 0: as the name says.
      mlp_ratio: width of a ViT's MLPs, divided by its width.
      dropout: of a ViT, in training.
      positions: of a ViT, "sincos" or "learned".
      pooling: of a ViT, "class" or "mean".
      dtype: the layers compute in it; parameters and results are float32.
      mean: of the training images, one value or one per channel.
      std: of the training images, likewise.

    Returns:
      The flax module: images [N, H, W, C] in [0, 1] to features [N, d].

    Raises:
      UserError: for an unknown name, for an option that this network does not have and that differs
        from its default, and for a "vit" without width, depth or heads.

    Example:
      >>> import jax
      >>> network = make_backbone("resnet18", width=8)
      >>> images = jnp.zeros((2, 16, 16, 3))
      >>> features, _ = network.init_with_output(jax.random.key(0), images, train=False)
      >>> features.shape
      (2, 64)
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
        parameters = inspect.signature(make_backbone).parameters
        changed = {key: v for key, v in options.items() if v != parameters[key].default}
        return CustomBackbone(_custom(name)(**changed), **common)
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
    """Problems of the arguments of `make_backbone` in a run.

    Args:
      options: the arguments, all of them.
      batch_size: images per step.
      sides: of the views in pixels.

    Yields:
      Unknown and superfluous options, sizes that do not fit, batches too small for BatchNorm.
    """
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
    """A name that no network has, and options that this network does not have."""
    if "." not in name and name not in (*RESNETS, *VITS):
        known = ", ".join([*RESNETS, *VITS])
        what = f"must be one of {known}, or the dotted path of your own flax module"
        yield Problem("name", name, what)
        return
    for option, default in superfluous(name, options).items():
        yield Problem(option, options[option], f"must be {default!r}: {name} has no such option")
    if name == "vit":
        for option in ("width", "depth", "heads"):
            if not options[option]:
                yield Problem(option, options[option], "must be given: vit has no default size")


def superfluous(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of those options that differ from them and that a network does not have.

    Raises:
      UserError: if there is no such module of the user's.
    """
    if "." in name:
        fields = inspect.signature(_custom(name)).parameters
        absent = [option for option in options if option not in fields]
    else:
        absent = OF_VITS if name in RESNETS else OF_RESNETS
    parameters = inspect.signature(make_backbone).parameters
    defaults = {option: parameters[option].default for option in absent}
    return {option: default for option, default in defaults.items() if options[option] != default}


def _custom(name: str) -> Any:
    """The user's module class."""
    module = at_path(name)
    is_module = inspect.isclass(module) and issubclass(module, nn.Module)
    require(is_module, "name", name, "must be the path of a subclass of flax.linen.Module")
    return module


def _given(**options: Any) -> dict[str, Any]:
    """The options that are not left to the network's name."""
    return {option: value for option, value in options.items() if value}
