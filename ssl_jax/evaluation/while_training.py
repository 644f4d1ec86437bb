"""Metrics computed during training, on held-out images where there are some."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssl_jax.data.dataset import Dataset
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.knn import KNN_K, knn_accuracy
from ssl_jax.evaluation.features import Features, Labelled, as_features
from ssl_jax.health.representation import health


def training_metrics(
    features: Callable[[Any], Features | np.ndarray],
    bank: Dataset,
    held_out: Dataset | None,
) -> dict[str, float]:
    """Health of the features and, with labels and held-out images, kNN accuracy.

    Args:
      features: images -> [N, d].
      bank: training images.
      held_out: images held out of training; None takes the bank itself.

    Returns:
      feature_std_ratio and effective_rank: see `health`.
      knn_top1: as in the final evaluation, see `final_evaluation.PROTOCOL`.

    Raises:
      UserError: if the features are not finite.
    """
    known = as_features(features(bank.images))
    found = known if held_out is None else as_features(features(held_out.images))
    seen = np.asarray(found)
    if not np.isfinite(seen).all():
        raise UserError("the features are not finite: training has diverged")
    metrics = health(seen)
    if held_out is not None and held_out.labels is not None and bank.labels is not None:
        accuracies = knn_accuracy(
            Labelled(known, bank.labels),
            Labelled(found, held_out.labels),
            num_classes=len(held_out.classes),
        )
        metrics["knn_top1"] = accuracies[KNN_K].top1
    return metrics
