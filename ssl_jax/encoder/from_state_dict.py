"""Makes an encoder of a state dict in the layout of torchvision (ResNets) or timm (ViTs)."""

from typing import Any

import jax
import numpy as np

from ssl_jax.encoder.encoder import EncoderSpec, abstract_variables
from ssl_jax.encoder.state_dict_file import StateDict, Unusable
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import RESNETS, Backbone
from ssl_jax.networks.state_dicts import to_state_dict

HEADS = ("fc.", "head.", "projection_head.", "prototypes.")  # of classifiers and SwAV


def select(
    entries: StateDict, architecture: str, prefix: str | None
) -> tuple[StateDict, str, list[str]]:
    """Selects the entries of a network.

    Args:
      entries: of the file.
      architecture: name of the network.
      prefix: of the names of its entries; None if the file contains only one network.

    Returns:
      (entries without their prefix, the prefix, names of the dropped entries of heads).

    Raises:
      UserError: if there is no such network, or if there are several and none is chosen, or for an
        entry that is no array of finite numbers.
    """
    landmark = "layer1.0.conv1.weight" if architecture in RESNETS else "patch_embed.proj.weight"
    prefixes = [name.removesuffix(landmark) for name in entries if name.endswith(landmark)]
    if not prefixes:
        first = ", ".join(list(entries)[:3]) + (", ..." if len(entries) > 3 else "")
        raise UserError(
            f"the file contains no {architecture} in the layout of torchvision or timm: it has no "
            f"entry {landmark}, but {first or 'nothing'}"
        )
    if prefix is not None:
        # The prefix may follow the name of an outer dictionary.
        chosen = [name for name in prefixes if name == prefix or name.endswith(f".{prefix}")]
        if not chosen:
            raise UserError(f"--prefix={prefix} must be {_either(prefixes)}")
        prefixes = [prefix] if prefix in chosen else chosen
    if len(prefixes) > 1:
        raise UserError(
            f"the file contains several networks: choose one with --prefix={_either(prefixes)}"
        )
    (prefix,) = prefixes
    of_network = {
        name.removeprefix(prefix): entries[name] for name in entries if name.startswith(prefix)
    }
    dropped = [name for name in of_network if name.startswith(HEADS)]
    kept = {name: value for name, value in of_network.items() if name not in dropped}
    for name, value in kept.items():
        if isinstance(value, Unusable):
            raise UserError(f"entry {name} {value}; save it as a dense array of floats")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise UserError(
                f"entry {name} contains values that are not finite: training has diverged"
            )
    return kept, prefix, dropped


def _either(prefixes: list[str]) -> str:
    return " or ".join(repr(prefix) for prefix in prefixes)


def describe(
    entries: StateDict,
    architecture: str,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    image_size: int,
    crop: float,
    stem: str | None,
    heads: int,
) -> EncoderSpec:
    """Infers the specification of an encoder from its entries and the flags of the command.

    Args:
      entries: of the network.
      architecture: its name.
      mean: of the channels of the training images in [0, 1].
      std: standard deviation of these channels.
      image_size: side in pixels of the images that the network expects.
      crop: side of the central square that is resized to it, as a fraction of the shorter side.
      stem: of a ResNet; None to infer it from the entries.
      heads: of a Vision Transformer; 0 for the default of the architecture.

    Raises:
      UserError: if the stem cannot be inferred or does not match the entries.
    """
    network: dict[str, Any] = {"name": architecture, "mean": mean, "std": std}
    if architecture in RESNETS:
        first = entries.get("conv1.weight")
        if first is None:
            raise UserError(f"the file lacks conv1.weight of {architecture}")
        network["stem"] = _stem(first.shape, stem)
    else:
        first = entries["patch_embed.proj.weight"]
        if first.ndim != 4:
            shape = list(first.shape)
            raise UserError(f"patch_embed.proj.weight has shape {shape}, but it needs four axes")
        network |= {"patch_size": first.shape[-1], "heads": heads, "positions": "learned"}
        network["pooling"] = "class" if "cls_token" in entries else "mean"
    return EncoderSpec(network, image_size, crop, channels=first.shape[1])


def _stem(shape: tuple[int, ...], stem: str | None) -> str:
    if shape[2:] == (7, 7) and stem in (None, "imagenet"):
        return "imagenet"
    if shape[2:] == (3, 3) and stem in ("cifar", "small"):
        return stem
    if shape[2:] == (3, 3) and stem is None:
        raise UserError(
            "conv1.weight is 3x3: set --stem=cifar, or --stem=small if max-pooling follows it"
        )
    raise UserError(
        f"conv1.weight has shape {list(shape)}: --stem=imagenet is 7x7, cifar and small are 3x3"
    )


def check_entries(entries: StateDict, description: EncoderSpec, backbone: Backbone) -> None:
    """Checks that the entries are those of the network.

    Raises:
      UserError: for the first entry that differs.
    """
    size, name = description.image_size, description.network["name"]
    variables = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype),
        abstract_variables(description, backbone),
    )
    expected = to_state_dict(backbone, variables, image_size=size)
    for entry, value in entries.items():
        if entry not in expected:
            raise UserError(f"{name} has no entry {entry} {list(value.shape)}")
        # Positions of another image size are allowed; they are resized.
        needed = expected[entry].shape
        resized = value.ndim == 3 and (value.shape[0], value.shape[2]) == (1, needed[-1])
        if value.shape != needed and not (entry == "pos_embed" and resized):
            raise UserError(
                f"entry {entry} has shape {list(value.shape)}, but {list(expected[entry].shape)} "
                f"in {name}"
            )
    for entry in expected:
        if entry not in entries and not entry.endswith("num_batches_tracked"):
            raise UserError(f"the file lacks {entry} {list(expected[entry].shape)} of {name}")
