"""The features of a run's encoder on images that it was not trained on."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ssl_jax.data import dataset as data
from ssl_jax.data.dataset import Dataset, Images
from ssl_jax.data.join import join
from ssl_jax.data.splits import set_aside
from ssl_jax.evaluation.classifiers.knn import KNN_K
from ssl_jax.evaluation.extract import extract
from ssl_jax.evaluation.protocols.geometry import spectrum
from ssl_jax.health.representation import rankme
from ssl_jax.page.feature_analysis import confusion_counts, map_points, nearest_images, vote
from ssl_jax.page.run_images import sample_rows
from ssl_jax.page.run_view import FeatureMap, FeatureView, Neighbours
from ssl_jax.run.frozen import frozen_encoder
from ssl_jax.setup.build import Setup
from ssl_jax.training.step import TrainState

SHOWN_QUERIES, SHOWN_NEIGHBOURS = 8, 6
# Enough for a clear picture; encoding more takes a CPU minutes, drawing more takes a browser long.
MAX_BANK, MAX_QUERIES, MAX_MAP_POINTS = 10_000, 2_000, 1_000


class EncodedSet(NamedTuple):
    """Images with their features.

    images: [n, H, W, C].
    labels: classes, [n]; None unless both the bank and the queries have labels.
    features: [n, d].
    """

    images: Images
    labels: Int[np.ndarray, " n"] | None
    features: Float[np.ndarray, "n d"]


def feature_view(setup: Setup, train: TrainState) -> FeatureView:
    """Neighbours, map, confusions and spectrum of the features of query images.

    The queries are the test images or, if there are none, the held-out images. If there are none of
    either, they are training images, which are then left out of the bank.

    Args:
      setup: built from the run's configuration.
      train: the trained state.
    """
    bank_set, query_set, query_kind = _choose_sets(setup)
    labelled = bank_set.labels is not None and query_set.labels is not None
    classes = bank_set.classes if labelled else ()
    encode = frozen_encoder(setup.model)(train)

    def encode_set(dataset: Dataset) -> EncodedSet:
        features = extract(
            encode, dataset.images, batch_size=setup.plan.encode_batch, shardings=setup.shardings
        )
        labels = dataset.labels if labelled else None
        return EncodedSet(dataset.images, labels, np.asarray(features))

    bank, queries = encode_set(bank_set), encode_set(query_set)
    rows, similarities = nearest_images(bank.features, queries.features, KNN_K)
    predicted = counts = None
    if bank.labels is not None and queries.labels is not None:
        predicted = vote(bank.labels[rows], similarities, len(classes))
        counts = confusion_counts(queries.labels, predicted, len(classes))
    several = len(queries.features) > 1
    return FeatureView(
        step=int(train.step),
        bank_size=len(bank.images),
        query_count=len(queries.images),
        query_kind=query_kind,
        classes=classes,
        neighbours=_neighbours(bank, queries, rows, similarities),
        feature_map=_feature_map(queries, predicted),
        confusion=counts,
        spectrum=spectrum(queries.features) if several else np.zeros(1),
        effective_rank=rankme(queries.features),
    )


def _choose_sets(setup: Setup) -> tuple[Dataset, Dataset, str]:
    """(bank, queries, which images the queries are)."""
    splits = setup.data.splits
    bank, holdout, queries, kind = splits.bank, splits.holdout, splits.test, "test images"
    if queries is not None and holdout is not None:
        bank = join(bank, holdout)  # as in the final evaluation of a run
    elif queries is None and holdout is not None:
        queries, kind = holdout, "held-out images"
    elif queries is None:
        bank, queries = set_aside(bank, max(1, min(MAX_QUERIES, len(bank.images) // 10)))
        kind = "training images"
    return _subsample(bank, MAX_BANK), _subsample(queries, MAX_QUERIES), kind


def _subsample(dataset: Dataset, count: int) -> Dataset:
    """At most `count` of the images, the same on every call."""
    return data.take(dataset, sample_rows(dataset.labels, len(dataset.images), count))


def _neighbours(
    bank: EncodedSet, queries: EncodedSet, rows: np.ndarray, similarities: np.ndarray
) -> Neighbours:
    """Images and labels of some queries and their neighbours, whose rows in the bank are `rows`."""
    shown = sample_rows(queries.labels, len(queries.images), SHOWN_QUERIES)
    nearest = rows[shown, :SHOWN_NEIGHBOURS]
    return Neighbours(
        queries=data.gather(queries.images, shown),
        nearest=np.stack([data.gather(bank.images, row) for row in nearest]),
        similarities=similarities[shown, :SHOWN_NEIGHBOURS],
        query_labels=None if queries.labels is None else queries.labels[shown],
        nearest_labels=None if bank.labels is None else bank.labels[nearest],
    )


def _feature_map(queries: EncodedSet, predicted: np.ndarray | None) -> FeatureMap | None:
    shown = sample_rows(queries.labels, len(queries.images), MAX_MAP_POINTS)
    points = map_points(queries.features[shown])
    if points is None:
        return None
    return FeatureMap(
        points=points,
        pictures=data.gather(queries.images, shown),
        labels=None if queries.labels is None else queries.labels[shown],
        predicted=None if predicted is None else predicted[shown],
    )
