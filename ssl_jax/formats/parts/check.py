"""Features of an exported state dict in plain float64 NumPy, to compare with those in JAX."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf, softmax

from ssl_jax.formats.parts.forward import Layers, forward
from ssl_jax.networks.backbone import Backbone


def numpy_features(
    state_dict: Mapping[str, np.ndarray],
    images: Float[np.ndarray, "n h w c"],
    backbone: Backbone,
) -> Float[np.ndarray, "n d"]:
    """Computes features from a state dict.

    Args:
      state_dict: with names of torchvision or timm.
      images: in [0, 1], of the size that the network expects.
      backbone: the network.
    """
    x = ((images - np.asarray(backbone.mean)) / np.asarray(backbone.std)).transpose(0, 3, 1, 2)
    weights = {name: np.asarray(value, np.float64) for name, value in state_dict.items()}
    return forward(LAYERS, weights, x, backbone)


def difference(actual: Float[np.ndarray, "n d"], expected: Float[np.ndarray, "n d"]) -> float:
    """The largest absolute difference, relative to the largest absolute expected value.

    NaN if any value is not finite.

    >>> difference(np.array([[1.0, 2.5]]), np.array([[1.0, 2.0]]))
    0.25
    """
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    if not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return float("nan")
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def _windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """[N, C, H, W] -> [N, C, H', W', size, size]"""
    return sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]


def _pad(x: np.ndarray, padding: int, value: float) -> np.ndarray:
    sides = (padding, padding)
    return np.pad(x, ((0, 0), (0, 0), sides, sides), constant_values=value)


def _conv(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: int, padding: int
) -> np.ndarray:
    windows = _windows(_pad(x, padding, 0.0), weight.shape[-1], stride)
    y = np.tensordot(windows, weight, ((1, 4, 5), (1, 2, 3)))
    return np.moveaxis(y if bias is None else y + bias, -1, 1)


def _max_pool(x: np.ndarray) -> np.ndarray:
    return _windows(_pad(x, 1, -np.inf), 3, 2).max((4, 5))


def _batch_norm(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    mean, var, weight, bias = (value[:, None, None] for value in (mean, var, weight, bias))
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def _layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weight + bias


LAYERS = Layers(
    conv=_conv,
    max_pool=_max_pool,
    batch_norm=_batch_norm,
    layer_norm=_layer_norm,
    relu=lambda x: np.maximum(x, 0.0),
    gelu=lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    softmax=lambda x: softmax(x, axis=-1),
    join=lambda a, b: np.concatenate([a, b], axis=1),
)
