"""An encoder from a state dict in the layout of torchvision (ResNets) or timm (ViTs)."""

from typing import Any

import jax
import numpy as np

from ssl_jax.encoder.encoder import Description, abstract_variables
from ssl_jax.encoder.state_dict_file import StateDict
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import RESNETS, Backbone
from ssl_jax.networks.state_dicts import to_state_dict

HEADS = ("fc.", "head.", "projection_head.", "prototypes.")  # classifiers, or SwAV's


def select(
    entries: StateDict, architecture: str, prefix: str | None
) -> tuple[StateDict, str, list[str]]:
    """(entries of the network without their prefix, the prefix, names of heads' entries left out).

    Raises:
      UserError: if no such network is found, or several, of which none is named.
    """
    landmark = "layer1.0.conv1.weight" if architecture in RESNETS else "patch_embed.proj.weight"
    found = [name.removesuffix(landmark) for name in entries if name.endswith(landmark)]
    if not found:
        first = ", ".join(list(entries)[:3]) or "nothing"
        raise UserError(
            f"the file holds no {architecture} in the layout of torchvision or timm: no entry is "
            f"called {landmark}, but {first}, ..."
        )
    if prefix is not None:
        # Behind the name of a dictionary that they lie in, too.
        chosen = [name for name in found if name == prefix or name.endswith(f".{prefix}")]
        if not chosen:
            raise UserError(f"--prefix={prefix}: networks begin with {_listed(found)}")
        found = [prefix] if prefix in chosen else chosen
    if len(found) > 1:
        raise UserError(f"the file holds several networks: choose --prefix={_listed(found)}")
    (prefix,) = found
    taken = {
        name.removeprefix(prefix): entries[name] for name in entries if name.startswith(prefix)
    }
    dropped = [name for name in taken if name.startswith(HEADS)]
    return {name: taken[name] for name in taken if name not in dropped}, prefix, dropped


def _listed(prefixes: list[str]) -> str:
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
) -> Description:
    """The encoder that the entries are; see the flags.

    Raises:
      UserError: if the stem cannot be told from the entries or is not the one named, or for an
        image size or a crop that there cannot be.
    """
    if image_size < 1 or not 0 < crop <= 1:
        raise UserError(f"--image_size={image_size} must be at least 1 and --crop={crop} in (0, 1]")
    network: dict[str, Any] = {"name": architecture, "mean": mean, "std": std}
    if architecture in RESNETS:
        first = entries.get("conv1.weight")
        if first is None:
            raise UserError(f"the file lacks conv1.weight of {architecture}")
        network["stem"] = _stem(first.shape, stem)
    else:
        first = entries["patch_embed.proj.weight"]
        network |= {"patch_size": first.shape[-1], "heads": heads, "positions": "learned"}
        network["pooling"] = "class" if "cls_token" in entries else "mean"
    return Description(network, image_size, crop, channels=first.shape[1])


def _stem(shape: tuple[int, ...], named: str | None) -> str:
    if shape[2:] == (7, 7) and named in (None, "imagenet"):
        return "imagenet"
    if shape[2:] == (3, 3) and named in ("cifar", "small"):
        return named
    if shape[2:] == (3, 3) and named is None:
        raise UserError(
            "conv1.weight is 3x3: say --stem=cifar, or --stem=small if max-pooling follows it"
        )
    raise UserError(
        f"conv1.weight has shape {list(shape)}: --stem=imagenet is 7x7, cifar and small are 3x3"
    )


def check_entries(entries: StateDict, description: Description, backbone: Backbone) -> None:
    """Returns if the entries are those of the network.

    Raises:
      UserError: naming the first entry that differs.
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
        # Positions may be for another image size; they are resized.
        if entry != "pos_embed" and value.shape != expected[entry].shape:
            raise UserError(
                f"entry {entry} has shape {list(value.shape)}, in {name} "
                f"{list(expected[entry].shape)}"
            )
    for entry in expected:
        if entry not in entries and not entry.endswith("num_batches_tracked"):
            raise UserError(f"the file lacks {entry} {list(expected[entry].shape)} of {name}")
