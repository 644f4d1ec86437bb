"""Weighted kNN against a float64 loop and against scikit-learn."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ssl_jax.evaluation.classifiers.knn import euclidean_knn_accuracy, knn_accuracy, leave_one_out
from ssl_jax.evaluation.features import Labelled
from tests.evaluation.clusters import clusters

CLASSES = 8
# More queries than one block, and not a multiple of it.
BANK, QUERIES = clusters(150, 300, classes=CLASSES, width=6, spread=1.0, seed=0)


def loop(
    bank: Labelled, queries: Labelled, k: int, temperature: float, *, same: bool = False
) -> tuple[float, float]:
    """Top-1 and top-5 in float64."""
    stored = bank.features.astype(np.float64)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    top1 = top5 = 0
    for i, (feature, label) in enumerate(zip(queries.features, queries.labels, strict=True)):
        similarity = stored @ (feature / np.linalg.norm(feature.astype(np.float64)))
        if same:
            similarity[i] = -np.inf
        votes = np.zeros(CLASSES)
        for j in np.argsort(-similarity)[:k]:
            votes[bank.labels[j]] += np.exp(similarity[j] / temperature)
        best = [c for c in np.argsort(-votes) if votes[c] > 0]
        top1 += label in best[:1]
        top5 += label in best[:5]
    return top1 / len(queries.labels), top5 / len(queries.labels)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_accuracy_is_that_of_a_loop(temperature: float) -> None:
    ks = (1, 5, 20, 150)
    found = knn_accuracy(BANK, QUERIES, num_classes=CLASSES, ks=ks, temperature=temperature)
    expected = {k: loop(BANK, QUERIES, k, temperature) for k in ks}
    assert found == expected
    assert len({accuracy.top1 for accuracy in found.values()}) > 2  # k matters here
    assert 0.3 < found[20].top1 < found[20].top5 < 1


def test_accuracy_is_that_of_scikit_learn() -> None:
    oracle = KNeighborsClassifier(
        20, metric="cosine", algorithm="brute", weights=lambda distance: np.exp(-distance / 0.07)
    )
    expected = oracle.fit(*BANK).score(*QUERIES)
    assert knn_accuracy(BANK, QUERIES, num_classes=CLASSES)[20].top1 == expected


def test_left_out_images_are_not_their_own_neighbours() -> None:
    found = leave_one_out(QUERIES, num_classes=CLASSES, ks=(1, 20))
    assert found == {k: loop(QUERIES, QUERIES, k, 0.07, same=True) for k in (1, 20)}
    own = knn_accuracy(QUERIES, QUERIES, num_classes=CLASSES, ks=(1,))[1]
    assert own.top1 == 1.0 > found[1].top1


def euclidean_loop(bank: Labelled, queries: Labelled, k: int) -> tuple[float, float]:
    """Top-1 and top-5 of the unweighted vote, in float64."""
    top1 = top5 = 0
    for feature, label in zip(queries.features.astype(np.float64), queries.labels, strict=True):
        distances = [np.sqrt(np.sum((feature - stored) ** 2)) for stored in bank.features]
        votes = np.bincount(bank.labels[np.argsort(distances)[:k]], minlength=CLASSES)
        best = [c for c in np.argsort(-votes, kind="stable") if votes[c]]
        top1 += label in best[:1]
        top5 += label in best[:5]
    return top1 / len(queries.labels), top5 / len(queries.labels)


def test_euclidean_accuracy_is_that_of_a_loop_and_of_scikit_learn() -> None:
    found = euclidean_knn_accuracy(BANK, QUERIES, num_classes=CLASSES, ks=(1, 5, 150))
    assert found == {k: euclidean_loop(BANK, QUERIES, k) for k in (1, 5, 150)}
    for k in (1, 5):  # votes that are equal go to the first class there too
        assert found[k].top1 == KNeighborsClassifier(k).fit(*BANK).score(*QUERIES)
    assert 0.3 < found[5].top1 != found[1].top1
    assert found[5].top1 != knn_accuracy(BANK, QUERIES, num_classes=CLASSES, ks=(5,))[5].top1


def test_euclidean_distances_of_features_far_from_0() -> None:
    far = [Labelled(features + 3000, labels) for features, labels in (BANK, QUERIES)]
    found = euclidean_knn_accuracy(*far, num_classes=CLASSES, ks=(5,))[5]
    assert found == euclidean_loop(*far, 5)


def test_weights_stay_finite_at_low_temperature() -> None:
    found = knn_accuracy(BANK, QUERIES, num_classes=CLASSES, ks=(20,), temperature=0.002)
    assert found[20].top1 == loop(BANK, QUERIES, 20, 0.002)[0]


def test_a_class_without_votes_is_never_right() -> None:
    bank = Labelled(BANK.features, BANK.labels % 2)
    queries = Labelled(QUERIES.features, np.full(300, 3))
    assert knn_accuracy(bank, queries, num_classes=CLASSES)[20] == (0.0, 0.0)


def test_of_fewer_images_than_neighbours_all_vote() -> None:
    found = knn_accuracy(BANK, QUERIES, num_classes=CLASSES, ks=(150, 400))
    assert found[400] == found[150]
    found = leave_one_out(BANK, num_classes=CLASSES, ks=(149, 400))
    assert found[400] == found[149]
