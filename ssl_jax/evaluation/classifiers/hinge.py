"""Linear SVMs of each class against the rest, all classes and costs at once, by SGD.

The same problem as scikit-learn's LinearSVC with squared hinge loss solves class by class,

    min_{w, b}  1/2 (|w|^2 + b^2) + C sum_i max(0, 1 - y_i (w^T x_i + b))^2,

divided by C N: a mean loss with a weight decay of 1 / (C N). For thousands of classes LinearSVC
takes hours; SGD takes a few passes over the images for all of them. Features have length 1, so the
curvature is at most 4 and one learning rate serves all.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optax

from ssl_jax.evaluation.accuracy import Accuracy
from ssl_jax.evaluation.classifiers.descent import Run, descend
from ssl_jax.evaluation.classifiers.linear_head import (
    LinearHead,
    head_accuracies,
    head_accuracy,
    squared_hinge,
)
from ssl_jax.evaluation.classifiers.sgd import unstack
from ssl_jax.evaluation.features import Labelled, Unit, as_features, select

LEARNING_RATE, MOMENTUM, BATCH_SIZE, EPOCHS = 0.3, 0.9, 256, 50


def hinge_accuracy(
    train: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    costs: Sequence[float],
    folds: int,
    epochs: int = EPOCHS,
    progress: Callable[[int], None] = lambda epoch: None,
) -> tuple[Accuracy, float]:
    """Accuracy on the test images, one cost for all classes chosen by cross-validation.

    Args:
      train: the images to fit and to choose by.
      test: the images to classify.
      num_classes: of the data set.
      costs: to choose from; among equally good ones the first.
      folds: of the cross-validation, stratified and without shuffling; all train in one program.
      epochs: of each of the two fits.
      progress: called with the number of epochs done.

    Returns:
      (accuracy, chosen cost).
    """
    # Late: scikit-learn is slow to import.
    from sklearn.model_selection import StratifiedKFold

    train, test = (
        Labelled(as_features(features).standardized(Unit()), labels)
        for features, labels in (train, test)
    )
    parts = list(StratifiedKFold(folds).split(train.labels, train.labels))
    least = min(len(rows) for rows, _ in parts)  # folds differ by a few images
    runs = [Run(seed, rows[:least]) for seed, (rows, _) in enumerate(parts)]
    common: Any = {"num_classes": num_classes, "epochs": epochs, "progress": progress}
    fitted = fit(train, runs, costs, **common)
    scores = [
        [found.top1 for found in head_accuracies(unstack(heads), select(train, held))]
        for heads, (_, held) in zip(fitted, parts, strict=True)
    ]
    cost = costs[int(np.argmax(np.mean(scores, axis=0)))]
    (heads,) = fit(train, [Run(0)], [cost], **common)
    return head_accuracy(unstack(heads)[0], test), cost


def fit(
    images: Labelled, runs: Sequence[Run], costs: Sequence[float], **options: Any
) -> list[LinearHead]:
    """For every run the heads of all costs, stacked on axis 0.

    Args:
      images: features of length 1, and labels.
      runs: as in `descend`, of equal size.
      costs: C.
      **options: of `descend`.
    """
    rows = runs[0].rows
    size = len(images.labels if rows is None else rows)
    decays = 1 / (np.asarray(costs) * size)
    return descend(
        images,
        runs,
        _sgd,
        decays.astype(np.float32),
        loss=squared_hinge,
        batch_size=BATCH_SIZE,
        **options,
    )


def _sgd(steps: int, decay: Any) -> optax.GradientTransformation:
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, steps)
    return optax.chain(optax.add_decayed_weights(decay), optax.sgd(schedule, momentum=MOMENTUM))
