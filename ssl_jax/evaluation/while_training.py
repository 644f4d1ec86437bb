"""The few figures that are looked at while training goes on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssl_jax.data.dataset import Dataset
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.knn import knn_accuracy
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.final import TEMPERATURE, K
from ssl_jax.health.representation import health


def figures(
    features: Callable[[Any], np.ndarray], bank: Dataset, held: Dataset | None
) -> dict[str, float]:
    """Health of the features, and kNN accuracy where there are labels and held-out images.

    Args:
      features: images -> [N, d].
      bank: training images.
      held: images held out of training, which are looked at; without them the bank is.

    Returns:
      feature_std_ratio and effective_rank, see `health`. knn_top1: as in `protocol`.

    Raises:
      UserError: if features are not finite.
    """
    known = features(bank.images)
    seen = known if held is None else features(held.images)
    if not np.isfinite(seen).all():
        raise UserError("the features are not finite: training has diverged")
    found = health(seen)
    if held is not None and held.labels is not None and bank.labels is not None:
        accuracies = knn_accuracy(
            Labelled(known, bank.labels),
            Labelled(seen, held.labels),
            num_classes=len(held.classes),
            ks=(K,),
            temperature=TEMPERATURE,
        )
        found["knn_top1"] = accuracies[K].top1
    return found
