"""What the stored torchvision vectors and the tests that read them share; NumPy only.

Weights come from a formula, so that only names, shapes and results need storing.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

VECTORS = Path(__file__).parent / "torchvision_vectors.npz"
WIDTH, CLASSES = 8, 10
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)

# block, blocks of each stage, stem, stem padding, pixels
CASES = {
    "imagenet": ("BasicBlock", (1, 1), "imagenet", 3, 32),
    "cifar": ("Bottleneck", (1, 2), "cifar", 1, 12),
    "cifar_padded": ("BasicBlock", (1, 1), "cifar", 2, 12),
}


def wave(name: str, shape: Sequence[int]) -> np.ndarray:
    """Values in [-1, 1] that follow from the name; quadratic in the index, else of low rank."""
    index = np.arange(np.prod(shape, dtype=int), dtype=np.float64)
    phase = zlib.crc32(name.encode()) % 1000
    return np.sin(0.37 * index**2 + 0.11 * index + phase).reshape(shape)


def weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """A state dict of these names and shapes, with activations of order one."""
    values = {}
    for name, shape in shapes.items():
        value = wave(name, shape)
        if len(shape) > 1:
            value *= (3.0 / np.prod(shape[1:])) ** 0.5
        elif name.endswith(("running_var", "weight")):
            value = 1.0 + 0.4 * value
        elif name.endswith("num_batches_tracked"):
            value = np.asarray(0)
        values[name] = value.astype(np.int64 if value.ndim == 0 else np.float32)
    return values


def images(size: int) -> np.ndarray:
    """Four images [4, size, size, 3] in [0, 1]."""
    return (0.5 + 0.5 * wave("images", (4, size, size, 3))).astype(np.float32)


def probe() -> np.ndarray:
    """Weights of the scores [4, CLASSES] in the scalar whose gradient is stored."""
    return wave("probe", (4, CLASSES)).astype(np.float32)
