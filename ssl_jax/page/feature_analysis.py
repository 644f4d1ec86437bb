"""Neighbours, predictions, confusions and a map, computed from feature arrays on the host."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ssl_jax.evaluation.classifiers.knn import KNN_TEMPERATURE
from ssl_jax.health.representation import unit


def nearest_images(
    bank: Float[np.ndarray, "n d"], queries: Float[np.ndarray, "q d"], k: int
) -> tuple[Int[np.ndarray, "q k"], Float[np.ndarray, "q k"]]:
    """The k images of the bank that are most similar to each query, the most similar first.

    Args:
      bank: features of the images to search.
      queries: features of the images to find neighbours for.
      k: number of neighbours; reduced to the size of the bank if that is smaller.

    Returns:
      (rows of the neighbours in the bank, their cosine similarities).
    """
    similarities = unit(queries) @ unit(bank).T
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(similarities, rows, axis=1)


def vote(
    labels: Int[np.ndarray, "q k"], similarities: Float[np.ndarray, "q k"], num_classes: int
) -> Int[np.ndarray, " q"]:
    """The class predicted for each query by its neighbours, as in `classifiers.knn`.

    Args:
      labels: classes of the neighbours.
      similarities: of the neighbours, the highest first; a vote weighs exp(similarity / T).
      num_classes: of the data set.
    """
    weights = np.exp((similarities - similarities[:, :1]) / KNN_TEMPERATURE)
    votes = np.zeros((len(labels), num_classes))
    np.add.at(votes, (np.arange(len(labels))[:, None], labels), weights)
    return votes.argmax(axis=1)


def confusion_counts(
    labels: Int[np.ndarray, " q"], predicted: Int[np.ndarray, " q"], num_classes: int
) -> Int[np.ndarray, "classes classes"]:
    """Number of images by true class (row) and predicted class (column)."""
    counts = np.zeros((num_classes, num_classes), int)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def largest_confusions(
    counts: Int[np.ndarray, "classes classes"], limit: int
) -> Sequence[tuple[int, int, int]]:
    """The most frequent mistakes, at most `limit`, as (true class, predicted class, images)."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    pairs = [(int(i) // len(wrong), int(i) % len(wrong)) for i in order]
    return [(true, taken, int(wrong[true, taken])) for true, taken in pairs if wrong[true, taken]]


def map_points(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n 2"] | None:
    """Positions that keep images with similar features together: t-SNE of normalised features.

    Returns:
      None if there are too few images, or if all features are nearly identical.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # a dependency of scikit-learn

    features = unit(features)
    if len(features) < 5 or not features.std(axis=0).max() > 1e-6:
        return None
    perplexity = min(30.0, (len(features) - 1) / 3)
    # scikit-learn's threads busy-wait for each other: minutes on a machine that is also in use.
    with threadpool_limits(1):
        points = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(features)
    return np.asarray(points, np.float64)
