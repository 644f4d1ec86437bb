"""What a page shows of an encoder: pictures, neighbours, a map, confusions, a spectrum.

Computed from arrays on the host; `gallery` gets them from a run.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from ssl_jax.evaluation.classifiers.knn import KNN_TEMPERATURE
from ssl_jax.health.representation import unit
from ssl_jax.methods.parts.base import Expectation
from ssl_jax.page.workdir import Record

Pictures = UInt8[np.ndarray, "_n _h _w _c"]


class Column(NamedTuple):
    """One picture of each of some images. title: what was done to them."""

    title: str
    pictures: Pictures


class Neighbours(NamedTuple):
    """queries: q images and their nearest k, [q, k, H, W, C], by cosine `similarities` [q, k].

    labels: classes of the queries [q], nearest_labels: of the others [q, k], or None.
    """

    queries: Pictures
    nearest: UInt8[np.ndarray, "q k h w c"]
    similarities: Float[np.ndarray, "q k"]
    labels: Int[np.ndarray, " q"] | None
    nearest_labels: Int[np.ndarray, "q k"] | None


class Points(NamedTuple):
    """A map of images: where each lies [n, 2], its picture, its class and the predicted one."""

    places: Float[np.ndarray, "n 2"]
    pictures: Pictures
    labels: Int[np.ndarray, " n"] | None
    predicted: Int[np.ndarray, " n"] | None


class Look(NamedTuple):
    """What the features of a run's encoder show.

    step: of the checkpoint. bank, queries: how many training images, and how many others are
    asked about; kind: what those are. points: None where there is no map of them. confusion:
    [true, predicted] counts, None without labels. spectrum: eigenvalues of the covariance of the
    queries' features, in descending order. rank: their effective rank.
    """

    step: int
    bank: int
    queries: int
    kind: str
    classes: tuple[str, ...]
    neighbours: Neighbours
    points: Points | None
    confusion: Int[np.ndarray, "classes classes"] | None
    spectrum: Float[np.ndarray, " d"]
    rank: float


class Exhibit(NamedTuple):
    """A run as the page shows it.

    steps: planned, None where not known. splits: images in each part of the data. warnings: what
    is wrong with its last figures, None where nobody has judged. columns: some training images and
    their views. notes: what is missing here, and why.
    """

    record: Record
    expectation: Expectation = Expectation()
    steps: int | None = None
    splits: Mapping[str, int] | None = None
    warnings: tuple[str, ...] | None = None
    columns: tuple[Column, ...] = ()
    look: Look | None = None
    notes: tuple[str, ...] = ()


def nearest(
    bank: Float[np.ndarray, "n d"], queries: Float[np.ndarray, "q d"], k: int
) -> tuple[Int[np.ndarray, "q k"], Float[np.ndarray, "q k"]]:
    """(rows of the k images of the bank that are most similar, their cosine similarities).

    The most similar first; k is cut to the size of the bank.
    """
    similarities = unit(queries) @ unit(bank).T
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(similarities, rows, axis=1)


def vote(
    labels: Int[np.ndarray, "q k"], similarities: Float[np.ndarray, "q k"], num_classes: int
) -> Int[np.ndarray, " q"]:
    """The class with most of the votes, exp(similarity / T) each, as `classifiers.knn` has it."""
    weights = np.exp((similarities - similarities[:, :1]) / KNN_TEMPERATURE)
    votes = np.zeros((len(labels), num_classes))
    np.add.at(votes, (np.arange(len(labels))[:, None], labels), weights)
    return votes.argmax(axis=1)


def confusion(
    labels: Int[np.ndarray, " q"], predicted: Int[np.ndarray, " q"], num_classes: int
) -> Int[np.ndarray, "classes classes"]:
    """How many images of every class (row) are taken for every class (column)."""
    counts = np.zeros((num_classes, num_classes), int)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def places(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n 2"] | None:
    """A map in which images of similar features lie together (t-SNE on normalised features).

    None where there are too few images for one, or where all features are nearly the same.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # scikit-learn's own

    features = unit(features)
    if len(features) < 5 or not features.std(axis=0).max() > 1e-6:
        return None
    perplexity = min(30.0, (len(features) - 1) / 3)
    # Its threads wait for each other busily: on a machine that has other work, for minutes.
    with threadpool_limits(1):
        found = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(features)
    return np.asarray(found, np.float64)


def largest_confusions(
    counts: Int[np.ndarray, "classes classes"], most: int
) -> Sequence[tuple[int, int, int]]:
    """(true class, predicted class, images) of the most frequent mistakes, at most `most`."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(i) // len(wrong), int(i) % len(wrong)) for i in order]
    return [(true, taken, int(wrong[true, taken])) for true, taken in pairs if wrong[true, taken]]
