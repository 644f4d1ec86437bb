"""Shared by linear classifiers: the head, its scores and loss, and standardised features."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from ssl_jax.devices.processes import fetch
from ssl_jax.devices.sharding import put
from ssl_jax.evaluation.accuracy import Accuracy, accuracy, hits, label_ranks
from ssl_jax.evaluation.features import Labelled, Standard, as_features

# How a probe chose its hyper-parameters, as results describe it.
CHOSEN = "by top-1 on the held-out part of the training split; then fitted on all of the split"


class LinearHead(NamedTuple):
    """Scores of C classes: features @ kernel + bias.

    kernel: [d, C].
    bias: [C].
    """

    kernel: Float[Array, "d c"]
    bias: Float[Array, " c"]


class Probe(NamedTuple):
    """Result of a linear probe.

    accuracy: on the test images.
    chosen: hyper-parameters, by name.
    """

    accuracy: Accuracy
    chosen: dict[str, float]


def standardize(train: Labelled, *others: Labelled, scale: float = 1.0) -> list[Labelled]:
    """Standardises features by the mean and deviation of the training features.

    Args:
      train: the training images.
      *others: further images, standardised in the same way.
      scale: standard deviation of the training features afterwards.

    Returns:
      `train`, then the others; the features are standardised whenever they are used.
    """
    mean, deviation = as_features(train.features).moments()
    gain = (scale / np.maximum(deviation, 1e-6)).astype(np.float32)  # a dead feature stays small
    standard = Standard(mean.astype(np.float32), gain)
    return [
        Labelled(as_features(features).standardized(standard), labels)
        for features, labels in (train, *others)
    ]


def head_accuracy(head: LinearHead, images: Labelled) -> Accuracy:
    """Accuracy of the head's scores."""
    return head_accuracies([head], images)[0]


def head_accuracies(heads: Sequence[LinearHead], images: Labelled) -> list[Accuracy]:
    """Accuracy of the scores of each of several heads, in one pass over the features."""
    features = as_features(images.features)
    everywhere = features.shares.shardings.replicated
    labels = put(np.asarray(images.labels, np.int32), everywhere)
    heads = jax.tree.map(lambda leaf: jax.device_put(leaf, everywhere), tuple(heads))
    counts = np.zeros((len(heads), 2), np.int64)
    for block in features.blocks():
        counts += fetch(_hits(heads, *block, labels), everywhere)
    classes = heads[0].bias.shape[0]
    return [accuracy(count, images=len(images.labels), num_classes=classes) for count in counts]


def cross_entropy(
    head: LinearHead, features: Float[Array, "n d"], labels: Int[Array, " n"]
) -> Float[Array, ""]:
    """Softmax cross-entropy of the head's scores, mean over the images."""
    scores = _scores(head, features)
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


def squared_hinge(
    head: LinearHead, features: Float[Array, "n d"], labels: Int[Array, " n"]
) -> Float[Array, ""]:
    """max(0, 1 - y s)^2 of the scores s, y = 1 for the label and -1 for other classes.

    The sum over the classes, mean over the images: each class against the rest.
    """
    scores = _scores(head, features)
    signs = 2 * jax.nn.one_hot(labels, scores.shape[1]) - 1
    return jnp.sum(jnp.maximum(0, 1 - signs * scores) ** 2, axis=1).mean()


@jax.jit
def _hits(
    heads: tuple[LinearHead, ...],
    features: Float[Array, "n d"],
    numbers: Int[Array, " n"],
    labels: Int[Array, " all"],
) -> Int[Array, "heads 2"]:
    own, counted = labels[jnp.maximum(numbers, 0)], numbers >= 0
    return jnp.stack([hits(label_ranks(_scores(head, features), own), counted) for head in heads])


def _scores(head: LinearHead, features: Float[Array, "n d"]) -> Float[Array, "n c"]:
    return jnp.matmul(features, head.kernel, precision="highest") + head.bias[None]
