"""The metrics of the final evaluation, each against scikit-learn as the protocol describes it."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from ssl_jax.evaluation.classifiers.ridge import LAMBDAS, ridge_probe
from ssl_jax.evaluation.extract import extract, pixels
from ssl_jax.evaluation.features import Labelled, join, select
from ssl_jax.evaluation.final_evaluation import PROTOCOL, compare_encoders, final_metrics
from ssl_jax.evaluation.label_subset import fixed_tenth
from tests import tiny
from tests.evaluation.clusters import clusters
from tests.evaluation.tasks import coloured_splits

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


def test_metrics_follow_the_protocol() -> None:
    metrics = final_metrics(TRAIN, HOLDOUT, TEST, num_classes=CLASSES)
    bank = join(TRAIN, HOLDOUT)
    assert metrics["knn"] == {"5": nearest(bank, 5), "20": nearest(bank, 20)}  # 200 > 160 images
    assert metrics["knn_top1"] == metrics["knn"]["20"]
    assert metrics["linear_lambda"] in LAMBDAS
    assert metrics["linear_top1"] == regression(TRAIN, bank, metrics["linear_lambda"])
    for probe in ("knn", "linear"):
        assert 0.2 < metrics[f"{probe}_top1"] < metrics[f"{probe}_top5"] <= 1
    assert json.loads(json.dumps({"test": metrics, "protocol": PROTOCOL}))["test"] == metrics


def test_without_held_out_images_a_tenth_of_the_training_images_chooses() -> None:
    metrics = final_metrics(TRAIN, None, TEST, num_classes=CLASSES)
    assert metrics["knn_top1"] == nearest(TRAIN, 20)
    rest, tenth = (select(TRAIN, rows) for rows in fixed_tenth(TRAIN.labels, size=120))
    assert len(tenth.labels) == 12
    together = np.concatenate([rest.features, tenth.features])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(TRAIN.features, axis=0))
    chosen = ridge_probe(rest, tenth, TEST, num_classes=CLASSES).chosen
    assert metrics["linear_lambda"] == chosen["lambda"] != LAMBDAS[0]
    # Fitted again on all of them; how the standardisation of nine tenths differs is negligible.
    expected = regression(TRAIN, TRAIN, metrics["linear_lambda"])
    assert metrics["linear_top1"] == pytest.approx(expected, abs=0.02)
    assert metrics == final_metrics(TRAIN, None, TEST, num_classes=CLASSES)  # nothing is random


def test_few_classes_have_no_top5() -> None:
    def halves(images: Labelled) -> Labelled:
        return Labelled(images.features, images.labels % 2)

    metrics = final_metrics(halves(TRAIN), halves(HOLDOUT), halves(TEST), num_classes=2)
    assert set(metrics) == {"knn", "knn_top1", "linear_lambda", "linear_top1"}
    assert set(metrics["knn"]) == {"5", "20"}


def test_a_bank_smaller_than_k_votes_whole() -> None:
    few = Labelled(TRAIN.features[:12], TRAIN.labels[:12])
    metrics = final_metrics(few, None, TEST, num_classes=CLASSES)
    assert set(metrics["knn"]) == {"5", "20"}
    assert 0.0 < metrics["knn_top1"] <= 1.0


def test_encoders_and_pixels_are_evaluated_alike() -> None:
    splits = coloured_splits()
    encode = tiny.encoder().encode
    found = compare_encoders({"trained": encode}, splits, batch_size=32)
    assert found is not None and set(found) == {"trained", "pixels", "protocol"}
    assert found["protocol"] == PROTOCOL
    features = {"trained": lambda images: extract(encode, images, batch_size=32), "pixels": pixels}
    for name, of in features.items():
        parts = [Labelled(of(part.images), part.labels) for part in splits[:3]]
        assert found[name] == final_metrics(*parts, num_classes=7)


def test_without_labels_or_test_images_nothing_is_evaluated() -> None:
    splits = coloured_splits()
    unlabelled = splits.train._replace(labels=None)
    for unusable in (splits._replace(test=None), splits._replace(train=unlabelled)):
        assert compare_encoders({}, unusable, batch_size=32) is None
