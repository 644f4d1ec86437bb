"""The reported figures, each against scikit-learn following the protocol's words."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from ssl_jax.evaluation import final
from ssl_jax.evaluation.classifiers.linear import LAMBDAS, ridge
from ssl_jax.evaluation.features import Labelled, join
from ssl_jax.evaluation.final import PROTOCOL, evaluate
from tests.evaluation.clusters import clusters

CLASSES = 7
TRAIN, HOLDOUT, TEST = clusters(120, 40, 200, classes=CLASSES, width=10, spread=1.5, seed=2)


def nearest(bank: Labelled, k: int) -> float:
    oracle = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda distance: np.exp(-distance / 0.07)
    )
    return oracle.fit(*bank).score(*TEST)


def regression(standardised_by: Labelled, fitted: Labelled, penalty: float) -> float:
    mean, deviation = standardised_by.features.mean(0), standardised_by.features.std(0)
    model = Ridge(alpha=penalty * len(fitted.labels))
    model.fit((fitted.features - mean) / deviation, np.eye(CLASSES)[fitted.labels])
    scores = model.predict((TEST.features - mean) / deviation)
    return float(np.mean(scores.argmax(axis=1) == TEST.labels))


def test_figures_follow_the_protocol() -> None:
    figures = evaluate(TRAIN, HOLDOUT, TEST, num_classes=CLASSES)
    bank = join(TRAIN, HOLDOUT)
    assert figures["knn"] == {"5": nearest(bank, 5), "20": nearest(bank, 20)}  # 200 > 160 images
    assert figures["knn_top1"] == figures["knn"]["20"]
    assert figures["linear_lambda"] in LAMBDAS
    assert figures["linear_top1"] == regression(TRAIN, bank, figures["linear_lambda"])
    for probe in ("knn", "linear"):
        assert 0.2 < figures[f"{probe}_top1"] < figures[f"{probe}_top5"] <= 1
    assert json.loads(json.dumps({"test": figures, "protocol": PROTOCOL}))["test"] == figures


def test_without_held_out_images_a_tenth_of_the_training_images_chooses() -> None:
    figures = evaluate(TRAIN, None, TEST, num_classes=CLASSES)
    assert figures["knn_top1"] == nearest(TRAIN, 20)
    rest, tenth = final._tenth(TRAIN)
    assert len(tenth.labels) == 12
    together = np.concatenate([rest.features, tenth.features])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(TRAIN.features, axis=0))
    chosen = ridge(rest, tenth, TEST, num_classes=CLASSES).chosen
    assert figures["linear_lambda"] == chosen["lambda"] != LAMBDAS[0]
    # Fitted again on all of them; how the standardisation of nine tenths differs is negligible.
    expected = regression(TRAIN, TRAIN, figures["linear_lambda"])
    assert figures["linear_top1"] == pytest.approx(expected, abs=0.02)
    assert figures == evaluate(TRAIN, None, TEST, num_classes=CLASSES)  # nothing is random


def test_few_classes_have_no_top5_and_sgd_comes_when_asked_for() -> None:
    def halves(images: Labelled) -> Labelled:
        return Labelled(images.features, images.labels % 2)

    figures = evaluate(
        halves(TRAIN), halves(HOLDOUT), halves(TEST), num_classes=2, ks=(1,), sgd=True
    )
    assert set(figures) == {
        *("knn", "knn_top1", "linear_lambda", "linear_top1"),
        *("sgd_learning_rate", "sgd_weight_decay", "sgd_top1"),
    }
    assert set(figures["knn"]) == {"1", "20"}
    assert figures["sgd_top1"] == pytest.approx(figures["linear_top1"], abs=0.1)


def test_a_bank_smaller_than_k_votes_whole() -> None:
    few = Labelled(TRAIN.features[:12], TRAIN.labels[:12])
    figures = evaluate(few, None, TEST, num_classes=CLASSES)
    assert set(figures["knn"]) == {"5", "20"}
    assert 0.0 < figures["knn_top1"] <= 1.0
