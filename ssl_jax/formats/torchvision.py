"""ResNets as torchvision models: safetensors with names and layouts of torchvision, no `fc`."""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import Float

from ssl_jax.encoder import file as encoder_file
from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.encoder.file import KEY
from ssl_jax.errors import UserError
from ssl_jax.formats.parts.check import numpy_features
from ssl_jax.formats.parts.images import normalization, preparation, prepared
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.resnet import ResNet


def write(encoder: Encoder, path: Path) -> None:
    """Writes the file.

    Raises:
      UserError: for a Vision Transformer.
    """
    if not isinstance(encoder.backbone, ResNet):
        raise UserError("the torchvision format supports only ResNets; use --format=timm")
    encoder_file.write(path, encoder.description, encoder.variables)


def features(
    path: Path, encoder: Encoder, images: Float[np.ndarray, "n h w c"]
) -> Float[np.ndarray, "n d"]:
    """Features computed in NumPy from the file alone."""
    with safetensors.safe_open(path, "numpy") as file:
        description = EncoderSpec.from_json(file.metadata()[KEY])
    state_dict = safetensors.numpy.load_file(path)
    backbone = make_backbone(**description.network)
    return numpy_features(state_dict, prepared(encoder, images), backbone)


def advice(encoder: Encoder, path: Path) -> list[str]:
    """How to load the file."""
    name = architecture(encoder)
    return [
        "import safetensors.torch, torch, torchvision",
        f"model = torchvision.models.{name}()"
        if name
        else "model = ...  # torchvision has no ResNet of this width and these stages",
        *stem(encoder),
        "model.fc = torch.nn.Identity()  # or load with strict=False: only fc is missing",
        f"model.load_state_dict(safetensors.torch.load_file({str(path)!r}))",
        "",
        preparation(encoder),
        normalization(encoder),
    ]


def architecture(encoder: Encoder) -> str:
    """Name of the constructor in torchvision and timm; "" if they have none for this ResNet."""
    network, name = encoder.backbone, encoder.description.network["name"]
    usual = make_backbone(name)
    assert isinstance(network, ResNet) and isinstance(usual, ResNet)
    same = network.width == usual.width and tuple(network.stage_sizes) == tuple(usual.stage_sizes)
    return name if same else ""


def stem(encoder: Encoder) -> list[str]:
    """Code that adapts the first layers of a ResNet of torchvision or timm, `model`, to ours."""
    network, channels = encoder.backbone, encoder.description.channels
    assert isinstance(network, ResNet)
    size, stride, padding = (3, 1, network.stem_padding)
    if network.stem == "imagenet":
        if channels == 3:
            return []
        size, stride, padding = 7, 2, 3
    conv = f"Conv2d({channels}, {network.width}, {size}, {stride}, {padding}, bias=False)"
    pool = ["model.maxpool = torch.nn.Identity()"] if network.stem == "cifar" else []
    return [f"model.conv1 = torch.nn.{conv}", *pool]
