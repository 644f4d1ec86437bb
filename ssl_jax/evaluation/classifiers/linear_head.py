"""Shared by linear classifiers: the head, its scores and loss, and standardised features."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from ssl_jax.evaluation.accuracy import Accuracy, accuracy, label_ranks
from ssl_jax.evaluation.features import Labelled

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
      `train`, then the others.
    """
    mean = train.features.mean(axis=0, dtype=np.float64, keepdims=True)
    deviation = train.features.std(axis=0, dtype=np.float64, keepdims=True)
    gain = (scale / np.maximum(deviation, 1e-6)).astype(np.float32)  # a dead feature stays small
    mean = mean.astype(np.float32)
    return [Labelled((features - mean) * gain, labels) for features, labels in (train, *others)]


def head_accuracy(head: LinearHead, images: Labelled) -> Accuracy:
    """Accuracy of the head's scores."""
    return accuracy(_ranks(head, *images), num_classes=head.bias.shape[0])


def cross_entropy(
    head: LinearHead, features: Float[Array, "n d"], labels: Int[Array, " n"]
) -> Float[Array, ""]:
    """Softmax cross-entropy of the head's scores, mean over the images."""
    scores = _scores(head, features)
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


@jax.jit
def _ranks(
    head: LinearHead, features: Float[Array, "n d"], labels: Int[Array, " n"]
) -> Int[Array, " n"]:
    return label_ranks(_scores(head, features), labels)


def _scores(head: LinearHead, features: Float[Array, "n d"]) -> Float[Array, "n c"]:
    return jnp.matmul(features, head.kernel, precision="highest") + head.bias[None]
