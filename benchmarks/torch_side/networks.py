"""ResNets and MLPs with the parameter names of torchvision and ssl_jax."""

from collections import OrderedDict
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(inputs: int, width: int, size: int, stride: int = 1, padding: int | None = None):
    padding = size // 2 if padding is None else padding
    return nn.Conv2d(inputs, width, size, stride, padding, bias=False)


def shortcut(inputs: int, width: int, stride: int) -> nn.Sequential:
    if inputs == width and stride == 1:
        return nn.Sequential()
    return nn.Sequential(conv(inputs, width, 1, stride), nn.BatchNorm2d(width))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x), inplace=True)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        out = width * self.expansion
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, out, 1), nn.BatchNorm2d(out)
        self.downsample = shortcut(inputs, out, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.downsample(x), inplace=True)


class ResNet(nn.Module):
    """torchvision's, without its classifier; it normalises the images itself."""

    def __init__(self, block, stages, width, *, stem, stem_padding, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        large = stem == "imagenet"
        self.conv1 = conv(3, width, 7, 2) if large else conv(3, width, 3, 1, stem_padding)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if stem == "cifar" else nn.MaxPool2d(3, 2, 1)
        inputs, self.layers = width, []
        for stage, blocks in enumerate(stages):
            layers = []
            for index in range(blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(block(inputs, width * 2**stage, stride))
                inputs = width * 2**stage * block.expansion
            self.layers.append(f"layer{stage + 1}")
            self.add_module(self.layers[-1], nn.Sequential(*layers))
        self.features = inputs

    def forward(self, images: Tensor) -> Tensor:
        x = (images - self.mean) / self.std
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for layer in self.layers:
            x = getattr(self, layer)(x)
        return x.mean((2, 3), dtype=torch.float32)


def mlp(*widths: int, bias: bool, final_bias: bool, final_norm: str = "") -> nn.Sequential:
    """ssl_jax.networks.heads.MLP: linear layers with BatchNorm and ReLU between them."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        last = i == len(widths) - 1
        layers[f"linear{i}"] = nn.Linear(inputs, outputs, final_bias if last else bias)
        if not last:
            layers |= {f"bn{i}": nn.BatchNorm1d(outputs), f"relu{i}": nn.ReLU(inplace=True)}
        elif final_norm:
            layers[f"bn{i}"] = norm = nn.BatchNorm1d(outputs, affine=final_norm == "scale")
            if final_norm == "scale":
                norm.bias.requires_grad_(False)
    return nn.Sequential(layers)
