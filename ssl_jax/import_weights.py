"""python -m ssl_jax.import_weights --file=FILE --architecture=NAME --workdir=DIR

Makes an encoder of weights in the layout of torchvision (ResNets) or timm (Vision Transformers), to
evaluate it, to embed images with it, or to start from it. FILE is a safetensors file, or one of
PyTorch's, which must then be installed and reads it with weights_only.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import safetensors
import safetensors.numpy

from ssl_jax.command_line import config_flags
from ssl_jax.encoder import encoder
from ssl_jax.encoder.encoder import Description
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import RESNETS, VITS, Backbone, make_backbone
from ssl_jax.networks.state_dicts import from_state_dict, to_state_dict
from ssl_jax.storage.atomic import make_folder

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ARCHITECTURES = [name for name in [*RESNETS, *VITS] if name != "vit"]
HEADS = ("fc.", "head.", "projection_head.", "prototypes.")  # classifiers, or SwAV's

StateDict = dict[str, np.ndarray]


def main(argv: Sequence[str]) -> None:
    """Flags: --file --architecture --workdir --prefix --mean --std --image_size --crop --stem
    --heads"""
    args = _parse(argv)
    if (args.workdir / encoder.DESCRIPTION).exists():
        raise UserError(f"--workdir={args.workdir} is the folder of a run; name another")
    make_folder(args.workdir)
    entries, prefix, dropped = select(read_file(args.file), args.architecture, args.prefix)
    description = describe(
        entries,
        args.architecture,
        mean=args.mean,
        std=args.std,
        image_size=args.image_size,
        crop=args.crop,
        stem=args.stem,
        heads=args.heads,
    )
    backbone = make_backbone(**description.network)
    compare(entries, description, backbone)
    variables = from_state_dict(backbone, entries)
    path = args.workdir / encoder.FILE
    encoder.write(path, description, variables)
    if prefix:
        print(f"taken: entries that begin with {prefix}")
    if dropped:
        print(f"dropped, of a head: {', '.join(dropped)}")
    print(f"written: {path}")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = config_flags.parser("python -m ssl_jax.import_weights", __doc__)
    add, path = parser.add_argument, config_flags.path
    add("--file", type=path, required=True, help="the weights")
    add("--architecture", choices=ARCHITECTURES, required=True)
    add("--workdir", type=path, required=True, help="folder to put the encoder in")
    add("--prefix", help="of the entries to take, as module.encoder_q.; default: the only one")
    of_images = "of the images in [0, 1] at training, as 0.5,0.5,0.5; default: ImageNet's"
    add("--mean", type=_numbers, default=IMAGENET_MEAN, help=of_images)
    add("--std", type=_numbers, default=IMAGENET_STD, help=of_images)
    add("--image_size", type=int, default=224, help="side in pixels of what the network sees")
    add("--crop", type=float, default=0.875, help="part of the shorter side resized to it")
    small = "of a ResNet whose first convolution is 3x3: cifar, or small (max-pooling)"
    add("--stem", choices=["imagenet", "cifar", "small"], help=small)
    heads = "of a Vision Transformer; default: the architecture's; MoCo v3's vit_small has 12"
    add("--heads", type=int, default=0, help=heads)
    return parser.parse_args(list(argv[1:]))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def read_file(path: Path) -> StateDict:
    """Every array in a file by its name; names of nested dictionaries are joined by dots.

    Raises:
      UserError: if the file cannot be read, or needs PyTorch where that is not installed.
    """
    if not path.is_file():
        raise UserError(f"--file={path}: there is no such file")
    if path.suffix == ".safetensors":
        try:
            return _as_arrays(safetensors.numpy.load_file(path))
        except (OSError, safetensors.SafetensorError) as error:
            raise UserError(f"--file={path} is no safetensors file: {error}") from None
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(
            f"--file={path} is read with PyTorch, which is not installed: pip install torch, or "
            "convert it to safetensors elsewhere"
        ) from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever else than weights a pickle may hold
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"--file={path} cannot be read with weights_only: {reason}") from None
    if not isinstance(content, Mapping):
        raise UserError(f"--file={path} holds a {type(content).__name__}, no state dict")
    return _as_arrays(dict(_flat(content)))


def _flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif hasattr(value, "detach"):
            value = value.detach()
            yield f"{prefix}{key}", (value.float() if value.is_floating_point() else value).numpy()


def _as_arrays(entries: Mapping[str, np.ndarray]) -> StateDict:
    """Whole numbers as they are, everything else as float32."""
    return {
        name: value if value.dtype.kind in "iub" else value.astype(np.float32)
        for name, value in entries.items()
    }


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


def compare(entries: StateDict, description: Description, backbone: Backbone) -> None:
    """Nothing, if the entries are those of the network.

    Raises:
      UserError: naming the first entry that differs.
    """
    size, name = description.image_size, description.network["name"]
    variables = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype),
        encoder.abstract_variables(description, backbone),
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


if __name__ == "__main__":
    config_flags.run(main)
