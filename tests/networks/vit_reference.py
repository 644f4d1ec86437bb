"""The ViT in float64: image by image, head by head, query by query."""

import math
from functools import partial

import jax
import numpy as np
from tiny_vit import MEAN, STD


def layer_norm(x, p):
    deviations = x - x.mean(-1, keepdims=True)
    variance = (deviations**2).mean(-1, keepdims=True)
    return deviations / np.sqrt(variance + 1e-6) * p["scale"] + p["bias"]


def linear(x, p):
    return x @ p["kernel"] + p["bias"]


def attention(z, p, heads):
    query, key, value = np.split(linear(z, p), 3, axis=-1)
    out, size = np.zeros_like(z), z.shape[-1] // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for i in range(len(z)):
            scores = np.exp(key[:, part] @ query[i, part] / math.sqrt(size))
            out[i, part] = scores / scores.sum() @ value[:, part]
    return out


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def position(y, x, width):
    """sin and cos of the row's angles, then of the column's."""
    angles = [10_000 ** (-4 * i / width) for i in range(width // 4)]
    functions = [(math.sin, y), (math.cos, y), (math.sin, x), (math.cos, x)]
    return [function(at * angle) for function, at in functions for angle in angles]


def reference(network, params, batch):
    p = jax.tree.map(partial(np.asarray, dtype=np.float64), params)
    size, width, learned = network.patch_size, network.width, network.positions == "learned"
    features = []
    for image in (np.asarray(batch, np.float64) - MEAN) / STD:
        tokens = []
        if network.pooling == "class":
            tokens.append(p["class_token"] + (p["class_position"] if learned else 0.0))
        for y in range(image.shape[0] // size):
            for x in range(image.shape[1] // size):
                patch = image[y * size : (y + 1) * size, x * size : (x + 1) * size].ravel()
                at = p["positions"][y, x] if learned else position(y, x, width)
                tokens.append(linear(patch, p["patch_projection"]) + at)
        z = np.stack(tokens)
        for index in range(network.depth):
            block = p[f"block{index}"]
            y = attention(layer_norm(z, block["norm1"]), block["qkv"], network.heads)
            z = z + linear(y, block["proj"])
            y = linear(layer_norm(z, block["norm2"]), block["fc1"])
            z = z + linear(gelu(y), block["fc2"])
        z = layer_norm(z, p["norm"])
        features.append(z[0] if network.pooling == "class" else z.mean(axis=0))
    return np.stack(features)
