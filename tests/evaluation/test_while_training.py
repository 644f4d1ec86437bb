"""Metrics during training: which there are, and that they are those of the final evaluation."""

import numpy as np
import pytest

from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.knn import knn_accuracy
from ssl_jax.evaluation.extract import pixels
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.while_training import training_metrics
from ssl_jax.health.representation import health
from tests.evaluation.tasks import coloured_splits

BANK, HELD_OUT, _ = coloured_splits()[:3]


def test_metrics_are_of_the_held_out_images() -> None:
    assert HELD_OUT is not None and BANK.labels is not None and HELD_OUT.labels is not None
    bank, held_out = (Labelled(pixels(part.images), part.labels) for part in (BANK, HELD_OUT))
    expected = health(held_out.features)
    expected["knn_top1"] = knn_accuracy(bank, held_out, num_classes=7)[20].top1
    assert training_metrics(pixels, BANK, HELD_OUT) == expected


def test_without_labels_or_held_out_images_there_is_health_alone() -> None:
    assert training_metrics(pixels, BANK, None) == health(pixels(BANK.images))
    unlabelled = BANK._replace(labels=None)
    assert set(training_metrics(pixels, unlabelled, HELD_OUT)) == set(health(np.eye(3)))


def test_features_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(UserError, match="not finite"):
        training_metrics(lambda images: pixels(images) * np.nan, BANK, HELD_OUT)
