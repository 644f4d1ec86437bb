"""The forward pass of a state dict of torchvision or timm, in any array library.

Blocks are inferred from names and shapes; whatever these leave open comes from our network. Arrays
are NCHW, and images are already normalised. `check` implements the layers in NumPy, `onnx` in
PyTorch.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.resnet import ResNet

Weights = Mapping[str, Any]


class Layers(NamedTuple):
    """The layers that networks consist of.

    conv: (x, weight [O, I, H, W], bias or None, stride, padding) -> y.
    max_pool: (x) -> y; 3x3, stride 2, padding 1.
    batch_norm: (x, mean, var, weight, bias) -> y; epsilon 1e-5.
    layer_norm: (x, weight, bias) -> y; over the last axis, epsilon 1e-6.
    relu: (x) -> y.
    gelu: (x) -> y; exact.
    softmax: (x) -> y; over the last axis.
    join: (a, b) -> y; along axis 1.
    """

    conv: Callable[..., Any]
    max_pool: Callable[..., Any]
    batch_norm: Callable[..., Any]
    layer_norm: Callable[..., Any]
    relu: Callable[..., Any]
    gelu: Callable[..., Any]
    softmax: Callable[..., Any]
    join: Callable[..., Any]


def forward(layers: Layers, weights: Weights, x: Any, backbone: Backbone) -> Any:
    """Computes features.

    Args:
      layers: in the array library of `weights` and `x`.
      weights: with names of torchvision or timm.
      x: normalised images [N, C, H, W].
      backbone: defines the stem of a ResNet and the heads of a Vision Transformer.

    Returns:
      Features [N, d].
    """
    if isinstance(backbone, ResNet):
        return _resnet(layers, weights, x, backbone.stem, backbone.stem_padding)
    return _vit(layers, weights, x, backbone.heads)


def _resnet(layers: Layers, weights: Weights, x: Any, stem: str, stem_padding: int) -> Any:
    stride, padding = (2, 3) if stem == "imagenet" else (1, stem_padding)
    x = layers.conv(x, weights["conv1.weight"], None, stride, padding)
    x = layers.relu(_batch_norm(layers, weights, x, "bn1"))
    if stem != "cifar":
        x = layers.max_pool(x)
    for block in _blocks(weights):
        stage, index = block.removeprefix("layer").split(".")
        stride = 2 if int(stage) > 1 and index == "0" else 1
        x = _residual(layers, weights, x, block, stride)
    return x.mean((2, 3))


def _blocks(weights: Weights) -> list[str]:
    """Names of the blocks, in order: ["layer1.0", "layer1.1", ..., "layer4.1"]."""
    names = {tuple(name.split(".")[:2]) for name in weights if name.startswith("layer")}
    return [".".join(name) for name in sorted(names, key=lambda name: (name[0], int(name[1])))]


def _residual(layers: Layers, weights: Weights, x: Any, block: str, stride: int) -> Any:
    """A basic block (two convolutions, the first strided) or a bottleneck (three, the second)."""
    count = 3 if f"{block}.conv3.weight" in weights else 2
    y = x
    for i in range(1, count + 1):
        weight = weights[f"{block}.conv{i}.weight"]
        step = stride if i == count - 1 else 1
        y = layers.conv(y, weight, None, step, weight.shape[-1] // 2)
        y = _batch_norm(layers, weights, y, f"{block}.bn{i}")
        y = layers.relu(y) if i < count else y
    if f"{block}.downsample.0.weight" in weights:
        x = layers.conv(x, weights[f"{block}.downsample.0.weight"], None, stride, 0)
        x = _batch_norm(layers, weights, x, f"{block}.downsample.1")
    return layers.relu(x + y)


def _batch_norm(layers: Layers, weights: Weights, x: Any, name: str) -> Any:
    leaves = ("running_mean", "running_var", "weight", "bias")
    return layers.batch_norm(x, *(weights[f"{name}.{leaf}"] for leaf in leaves))


def _vit(layers: Layers, weights: Weights, x: Any, heads: int) -> Any:
    patches, bias = weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"]
    width = patches.shape[0]
    z = layers.conv(x, patches, bias, patches.shape[-1], 0)
    z = z.reshape(-1, width, z.shape[-2] * z.shape[-1]).swapaxes(1, 2)
    if "cls_token" in weights:
        z = layers.join(0 * z[:, :1] + weights["cls_token"], z)
    z = z + weights["pos_embed"]
    depth = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    for block in (f"blocks.{index}" for index in range(depth)):
        y = _layer_norm(layers, weights, z, f"{block}.norm1")
        z = z + _attention(layers, weights, y, block, heads)
        y = _layer_norm(layers, weights, z, f"{block}.norm2")
        y = layers.gelu(_linear(weights, y, f"{block}.mlp.fc1"))
        z = z + _linear(weights, y, f"{block}.mlp.fc2")
    z = _layer_norm(layers, weights, z, "norm")
    return z[:, 0] if "cls_token" in weights else z.mean(1)


def _attention(layers: Layers, weights: Weights, z: Any, block: str, heads: int) -> Any:
    _, length, width = z.shape
    size = width // heads
    qkv = _linear(weights, z, f"{block}.attn.qkv").reshape(-1, length, 3, heads, size)
    query, key, value = (qkv[:, :, i].swapaxes(1, 2) for i in range(3))  # [N, heads, L, size]
    scores = layers.softmax(query @ key.swapaxes(2, 3) / size**0.5)
    y = (scores @ value).swapaxes(1, 2).reshape(-1, length, width)
    return _linear(weights, y, f"{block}.attn.proj")


def _layer_norm(layers: Layers, weights: Weights, z: Any, name: str) -> Any:
    return layers.layer_norm(z, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _linear(weights: Weights, z: Any, name: str) -> Any:
    return z @ weights[f"{name}.weight"].swapaxes(0, 1) + weights[f"{name}.bias"]
