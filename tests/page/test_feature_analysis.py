"""Neighbours, votes and maps compared with loops and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from ssl_jax.evaluation.classifiers.knn import knn_accuracy
from ssl_jax.evaluation.features import Labelled
from ssl_jax.page import feature_analysis
from tests.evaluation.clusters import clusters


@pytest.fixture(scope="module")
def sets():
    return clusters(150, 60, classes=4, width=8, spread=1.0, seed=1)


def test_nearest_are_the_most_similar(sets):
    bank, queries = (s.features.astype(np.float64) for s in sets)
    rows, similarities = feature_analysis.nearest_images(bank, queries, 3)
    for query, found, values in zip(queries, rows, similarities, strict=True):
        cosines = [b @ query / np.linalg.norm(b) / np.linalg.norm(query) for b in bank]
        best = sorted(range(len(bank)), key=lambda i: -cosines[i])[:3]
        assert list(found) == best
        np.testing.assert_allclose(values, [cosines[i] for i in best], rtol=1e-12)


def test_more_neighbours_than_images_are_all_images():
    rows, _ = feature_analysis.nearest_images(np.eye(3), np.eye(3)[:1], 20)
    assert sorted(rows[0]) == [0, 1, 2] and rows[0, 0] == 0


def test_an_image_without_features_has_no_similarity():
    _, similarities = feature_analysis.nearest_images(np.eye(3), np.zeros((1, 3)), 2)
    assert np.array_equal(similarities, [[0, 0]])


def test_votes_are_those_of_the_evaluation(sets):
    bank, queries = sets
    rows, similarities = feature_analysis.nearest_images(bank.features, queries.features, 20)
    predicted = feature_analysis.vote(bank.labels[rows], similarities, 4)
    expected = knn_accuracy(bank, Labelled(queries.features, queries.labels), num_classes=4)
    assert np.mean(predicted == queries.labels) == expected[20].top1
    assert 0.4 < expected[20].top1 < 1


def test_a_near_image_outweighs_two_far_ones():
    labels, similarities = np.array([[2, 1, 1]]), np.array([[0.9, 0.5, 0.5]])
    assert feature_analysis.vote(labels, similarities, 3) == [2]


def test_confusion_has_a_row_for_each_true_class(sets):
    labels = sets[1].labels
    predicted = np.roll(labels, 1)
    counts = feature_analysis.confusion_counts(labels, predicted, 4)
    assert np.array_equal(counts, confusion_matrix(labels, predicted, labels=range(4)))


def test_mistakes_are_listed_by_their_number():
    counts = np.array([[50, 1, 0], [3, 50, 0], [0, 2, 50]])
    assert feature_analysis.largest_confusions(counts, 2) == [(1, 0, 3), (2, 1, 2)]
    assert feature_analysis.largest_confusions(np.diag([5, 5]), 8) == []


def test_a_map_keeps_clusters_together():
    rng = np.random.default_rng(0)
    centres = 10 * np.eye(3, 6)[np.arange(45) % 3]
    points = feature_analysis.map_points(centres + 0.1 * rng.normal(size=(45, 6)))
    assert points is not None and np.isfinite(points).all()
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(45)
    assert np.array_equal(distances.argmin(axis=1) % 3, np.arange(45) % 3)


@pytest.mark.parametrize("features", [np.ones((40, 4)), np.zeros((40, 4)), np.eye(4)])
def test_there_is_no_map_of_a_collapse_or_of_a_few(features):
    assert feature_analysis.map_points(features) is None
