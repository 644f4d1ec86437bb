"""ResNets as a pickle for the checkpointer of Detectron2, whose names for the entries are:

    layer1.0.conv1.weight            res2.0.conv1.weight
    layer1.0.bn1.running_mean        res2.0.conv1.norm.running_mean
    layer1.0.downsample.0.weight     res2.0.shortcut.weight
    layer1.0.downsample.1.weight     res2.0.shortcut.norm.weight
    bn1.bias                         stem.conv1.norm.bias

With "matching_heuristics" it finds these names behind any prefix, such as that of an FPN.
"""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.formats.parts.check import numpy_features
from ssl_jax.formats.parts.images import prepared, statistics
from ssl_jax.formats.torchvision import architecture
from ssl_jax.networks.resnet import ResNet
from ssl_jax.networks.torch_names import to_torch


def write(encoder: Encoder, path: Path) -> None:
    """Writes the file.

    Raises:
      UserError: for a network that Detectron2 does not support.
    """
    network = encoder.backbone
    if not isinstance(network, ResNet) or network.stem != "imagenet" or not architecture(encoder):
        raise UserError(
            "Detectron2 supports resnet18, resnet34 and resnet50 of the usual width and stages "
            f"with network.stem=imagenet, not this {encoder.description.network['name']}"
        )
    state_dict = to_torch(encoder.variables)
    model = {
        _to_detectron2(name): value
        for name, value in state_dict.items()
        if not name.endswith("num_batches_tracked")
    }
    content = {"model": model, "__author__": "ssl_jax", "matching_heuristics": True}
    with path.open("wb") as file:
        _Pickler(file, protocol=5).dump(content)


def features(
    path: Path, encoder: Encoder, images: Float[np.ndarray, "n h w c"]
) -> Float[np.ndarray, "n d"]:
    """Features computed in NumPy from the arrays in the file."""
    with path.open("rb") as file:
        model = pickle.load(file)["model"]
    state_dict = {_from_detectron2(name): value for name, value in model.items()}
    return numpy_features(state_dict, prepared(encoder, images), encoder.backbone)


def advice(encoder: Encoder, path: Path) -> list[str]:
    """The configuration that Detectron2 needs."""
    mean, std = ([round(255 * v, 3) for v in values] for values in statistics(encoder))
    depth = encoder.description.network["name"].removeprefix("resnet")
    return [
        "MODEL:",
        f'  WEIGHTS: "{path.absolute()}"',
        f"  PIXEL_MEAN: {mean}",
        f"  PIXEL_STD: {std}",
        "  RESNETS:",
        f"    DEPTH: {depth}",
        "    STRIDE_IN_1X1: False",
        *(["    RES2_OUT_CHANNELS: 64"] if int(depth) < 50 else []),
        "INPUT:",
        '  FORMAT: "RGB"',
        "",
        "see docs/detection.md for complete commands",
    ]


class _Pickler(pickle.Pickler):
    """Writes arrays so that every version of NumPy can read them.

    NumPy 2 would refer to its private modules, which NumPy 1 lacks.
    """

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is not np.ndarray:
            return NotImplemented
        return np.ndarray, (obj.shape, obj.dtype.str, bytearray(obj.tobytes()))


def _to_detectron2(name: str) -> str:
    name = re.sub(r"^layer(\d)", lambda match: f"res{int(match[1]) + 1}", name)
    name = re.sub(r"^(conv1|bn1)", r"stem.\1", name)
    name = re.sub(r"\bbn(\d)", r"conv\1.norm", name)
    return name.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")


def _from_detectron2(name: str) -> str:
    name = re.sub(r"^res(\d)", lambda match: f"layer{int(match[1]) - 1}", name)
    name = re.sub(r"\bconv(\d)\.norm", r"bn\1", name.removeprefix("stem."))
    name = name.replace("shortcut.norm", "downsample.1")
    return name.replace("shortcut", "downsample.0")
