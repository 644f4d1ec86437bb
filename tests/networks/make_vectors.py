"""Writes torchvision_vectors.npz: run it where torch and torchvision are installed.

Stored from torchvision 0.28.0 and torch 2.13.0 on a CPU. For each network of `torchvision_cases`
the scores in eval and in train mode, the running averages after that one step in train mode, and
the gradient of sum(probe * scores) in train mode with respect to the first convolution, computed
in float64; for the full networks the names and shapes of their state dicts.
"""

import numpy as np
import torch
from torch import nn
from torchvision import models
from torchvision.models import resnet
from torchvision_cases import CASES, CLASSES, MEAN, STD, VECTORS, WIDTH, images, probe, weights


class Narrow(resnet.ResNet):
    """torchvision's ResNet with two stages of WIDTH and 2 WIDTH channels and a choice of stems."""

    def __init__(self, block, layers, stem, padding):
        super().__init__(block, [*layers, 1, 1])
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(3, WIDTH, kernel, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.layer3 = self.layer4 = nn.Identity()
        self.fc = nn.Linear(2 * WIDTH * block.expansion, CLASSES)
        if stem == "cifar":
            self.maxpool = nn.Identity()

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = WIDTH
        return super()._make_layer(block, planes * WIDTH // 64, blocks, stride, dilate)


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def vectors(block, layers, stem, padding, size) -> dict[str, np.ndarray]:
    network = Narrow(getattr(resnet, block), layers, stem, padding)
    state_dict = {k: torch.from_numpy(v) for k, v in weights(shapes(network)).items()}
    network.load_state_dict(state_dict)
    network.double()
    x = torch.from_numpy((images(size).astype(np.float64) - MEAN) / STD).permute(0, 3, 1, 2)
    stored = {"eval": network.eval()(x)}
    scores = network.train()(x)
    (scores * torch.from_numpy(probe())).sum().backward()
    stored |= {"train": scores, "gradient": network.conv1.weight.grad}
    stored |= {k: v for k, v in network.state_dict().items() if "running" in k}
    return {name: value.detach().numpy().astype(np.float32) for name, value in stored.items()}


def main() -> None:
    torch.manual_seed(0)
    stored = {}
    for name in ("resnet18", "resnet34", "resnet50"):
        entries = shapes(getattr(models, name)()).items()
        stored[f"names/{name}"] = np.asarray([f"{key} {list(shape)}" for key, shape in entries])
    for case, arguments in CASES.items():
        stored |= {f"{case}/{name}": value for name, value in vectors(*arguments).items()}
    np.savez_compressed(VECTORS, **stored)


if __name__ == "__main__":
    main()
