"""Ridge regression of one-hot labels on frozen features, in closed form."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ssl_jax.devices.processes import fetch
from ssl_jax.devices.sharding import put
from ssl_jax.evaluation.classifiers.linear_head import (
    LinearHead,
    Probe,
    head_accuracies,
    head_accuracy,
    standardize,
)
from ssl_jax.evaluation.features import Labelled, as_features

LAMBDAS = tuple(10.0**exponent for exponent in range(-5, 2))


class Moments(NamedTuple):
    """Sums over images of features x and one-hot labels y, in float64; they add up over sets.

    count: number of images.
    x: sum of x, [d].
    y: sum of y, [C].
    xx: sum of x x^T, [d, d].
    xy: sum of x y^T, [d, C].
    """

    count: int
    x: Float[np.ndarray, " d"]
    y: Float[np.ndarray, " c"]
    xx: Float[np.ndarray, "d d"]
    xy: Float[np.ndarray, "d c"]


def ridge_probe(
    train: Labelled,
    holdout: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    lambdas: tuple[float, ...] = LAMBDAS,
) -> Probe:
    """Ridge regression of the one-hot labels y, with an unpenalised bias:

        min_{W, b}  1/N sum_i || y_i - W^T x_i - b ||^2 + lambda || W ||^2

    The features x are standardised by the training images.

    Args:
      train: the images to fit.
      holdout: chooses lambda by top-1; then training and held-out images are fitted together.
      test: read once, after the choice.
      num_classes: of the data set.
      lambdas: the grid; among equally good values the largest is chosen.

    Returns:
      Accuracy on `test` and the chosen "lambda".
    """
    train, holdout, test = standardize(train, holdout, test)
    fitted = moments(train, num_classes)
    heads = [solve(fitted, value) for value in lambdas]
    scores = [found.top1 for found in head_accuracies(heads, holdout)]
    best = max(zip(scores, lambdas, strict=True))[1]
    both = jax.tree.map(np.add, fitted, moments(holdout, num_classes))
    return Probe(head_accuracy(solve(both, best), test), {"lambda": best})


def moments(images: Labelled, num_classes: int) -> Moments:
    """Computes products on the device in float32 and adds them up on the host in float64."""
    features = as_features(images.features)
    everywhere = features.shares.shardings.replicated
    labels = put(np.asarray(images.labels, np.int32), everywhere)
    width = features.shape[1]
    xx, xy = np.zeros((width, width)), np.zeros((width, num_classes))
    for block in features.blocks():
        products = _products(*block, labels, num_classes=num_classes)
        xx += fetch(products[0], everywhere)
        xy += fetch(products[1], everywhere)
    y = np.bincount(images.labels, minlength=num_classes).astype(np.float64)
    return Moments(len(images.labels), features.sum()[0], y, xx, xy)


def solve(sums: Moments, penalty: float) -> LinearHead:
    """The minimum of `ridge_probe`: normal equations of the centred moments, in float64."""
    count, x, y, xx, xy = sums
    covariance = xx / count - np.outer(x, x) / count**2
    target = xy / count - np.outer(x, y) / count**2
    kernel = np.linalg.solve(covariance + penalty * np.eye(len(x)), target)
    bias = (y - x @ kernel) / count
    return LinearHead(jnp.asarray(kernel, jnp.float32), jnp.asarray(bias, jnp.float32))


@functools.partial(jax.jit, static_argnames="num_classes")
def _products(
    x: Float[Array, "n d"],
    numbers: Int[Array, " n"],
    labels: Int[Array, " all"],
    *,
    num_classes: int,
) -> tuple[Float[Array, "d d"], Float[Array, "d c"]]:
    counted = numbers[:, None] >= 0
    x = jnp.where(counted, x, 0)
    y = jnp.where(counted, jax.nn.one_hot(labels[jnp.maximum(numbers, 0)], num_classes), 0)
    product = functools.partial(jnp.matmul, precision="highest")
    return product(x.T, x), product(x.T, y)
