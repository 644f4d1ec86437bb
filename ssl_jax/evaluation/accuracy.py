"""Top-1 and top-5 accuracy, of scores on the device and of scikit-learn's classifiers."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ssl_jax.evaluation.features import Labelled


class Accuracy(NamedTuple):
    """Shares of the images, in [0, 1].

    top1: the label has the highest score.
    top5: it is among the five highest; None where there are five classes or fewer.
    """

    top1: float
    top5: float | None


def label_ranks(scores: Float[Array, "n c"], labels: Int[Array, " n"]) -> Int[Array, " n"]:
    """Number of classes ranked before the label: 0 where the label has the highest score.

    Among equal scores the lower class ranks first. A score that is not finite ranks last.
    """
    classes = scores.shape[1]
    own = jnp.take_along_axis(scores, labels[:, None], axis=1)
    lower = jnp.arange(classes)[None] < labels[:, None]
    rank = jnp.sum((scores > own) | ((scores == own) & lower), axis=1)
    return jnp.where(jnp.isfinite(own[:, 0]), rank, classes)


def hits(ranks: Int[Array, " *n"], counted: Bool[Array, " *n"]) -> Int[Array, "2"]:
    """Of the images that count, how many have a rank of 0, and how many one below 5.

    Args:
      ranks: of the labels; see `label_ranks`.
      counted: whether an image counts.
    """
    return jnp.stack([jnp.sum((ranks < top) & counted) for top in (1, 5)])


def accuracy(hits: Int[np.ndarray, "2"], *, images: int, num_classes: int) -> Accuracy:
    """Accuracy from the `hits` among a number of images."""
    top1, top5 = (int(count) / images for count in hits)
    return Accuracy(top1, top5 if num_classes > 5 else None)


def sklearn_accuracy(model: Any, test: Labelled, *, num_classes: int) -> Accuracy:
    """Accuracy of a fitted scikit-learn classifier.

    Args:
      model: ranks classes by its `predict_proba` or, if it has none, its `decision_function`.
      test: the images to classify.
      num_classes: of the data set; classes that the model was not fitted on are never right.
    """
    score = getattr(model, "predict_proba", None) or model.decision_function
    fitted = score(np.asarray(test.features))
    if fitted.ndim == 1:  # with two classes, the score of the second
        fitted = np.stack([-fitted, fitted], axis=1)
    scores = np.full((len(fitted), num_classes), -np.inf, np.float32)
    scores[:, model.classes_] = fitted
    ranks = label_ranks(jnp.asarray(scores), jnp.asarray(test.labels))
    found = hits(ranks, jnp.ones(len(ranks), bool))
    return accuracy(np.asarray(found), images=len(ranks), num_classes=num_classes)
