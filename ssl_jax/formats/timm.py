"""Any encoder as a timm model: safetensors with names and layouts of timm, no classifier."""

from pathlib import Path

from ssl_jax.encoder import file as encoder_file
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.formats import torchvision
from ssl_jax.formats.parts.images import normalization, preparation
from ssl_jax.networks.resnet import ResNet

features = torchvision.features


def write(encoder: Encoder, path: Path) -> None:
    """Writes the file."""
    encoder_file.write(path, encoder.description, encoder.variables)


def advice(encoder: Encoder, path: Path) -> list[str]:
    """How to load the file."""
    return [
        "import safetensors.torch, timm, torch",
        *_model(encoder),
        f"model.load_state_dict(safetensors.torch.load_file({str(path)!r}))",
        "",
        preparation(encoder),
        normalization(encoder),
    ]


def _model(encoder: Encoder) -> list[str]:
    network, description = encoder.backbone, encoder.description
    if isinstance(network, ResNet):
        name = torchvision.architecture(encoder)
        return [
            f"model = timm.create_model({name!r}, num_classes=0)"
            if name
            else "model = ...  # timm has no ResNet of this width and these stages",
            *torchvision.stem(encoder),
        ]
    pooling = ', class_token=False, global_pool="avg", fc_norm=False'
    return [
        "model = timm.models.VisionTransformer(",
        f"    img_size={description.image_size}, patch_size={network.patch_size}, "
        f"in_chans={description.channels}, num_classes=0,",
        f"    embed_dim={network.width}, depth={network.depth}, num_heads={network.heads}, "
        f"mlp_ratio={network.mlp_ratio:g}{pooling if network.pooling == 'mean' else ''},",
        ")",
    ]
