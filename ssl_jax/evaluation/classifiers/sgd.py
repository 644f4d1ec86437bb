"""Softmax regression on frozen features by SGD, the best of a grid of settings."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optax

from ssl_jax.evaluation.classifiers.descent import Run, descend
from ssl_jax.evaluation.classifiers.linear_head import (
    LinearHead,
    Probe,
    head_accuracies,
    head_accuracy,
    standardize,
)
from ssl_jax.evaluation.features import Labelled, join
from ssl_jax.optim import optimizers

EPOCHS = 100
BATCH_SIZE = 256
MOMENTUM = 0.9


def sgd_probe(
    train: Labelled,
    holdout: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    learning_rates: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0),
    weight_decays: tuple[float, ...] = (0.0, 1e-6, 1e-5),
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
    progress: Callable[[int], None] = lambda epoch: None,
) -> Probe:
    """Softmax regression by SGD with momentum 0.9 and a cosine schedule to 0; no augmentation.

    The features are standardised by the training images and divided by sqrt(d), so that one grid
    of learning rates serves every width. Weight decay (not on the bias) is coupled, as in PyTorch.

    Args:
      train: the images to fit.
      holdout: chooses the setting by top-1; then training and held-out images are fitted together.
      test: read once, after the choice.
      num_classes: of the data set.
      learning_rates: of the grid, whose settings all train at once, on the same batches.
      weight_decays: of the grid; among equally good settings the first is chosen.
      epochs: of each fit.
      batch_size: images per step; all of them where there are fewer.
      seed: of the order of the images.
      progress: called with the number of epochs done, in each of the two fits.

    Returns:
      Accuracy on `test` and the chosen "learning_rate" and "weight_decay".
    """
    train, holdout, test = standardize(train, holdout, test, scale=train.features.shape[1] ** -0.5)
    grid = [(rate, decay) for rate in learning_rates for decay in weight_decays]
    common = {"num_classes": num_classes, "epochs": epochs, "batch_size": batch_size}
    (heads,) = descend_grid(train, [Run(seed)], grid, progress=progress, **common)
    scores = [found.top1 for found in head_accuracies(unstack(heads), holdout)]
    best = grid[int(np.argmax(scores))]
    (heads,) = descend_grid(join(train, holdout), [Run(seed)], [best], progress=progress, **common)
    chosen = {"learning_rate": best[0], "weight_decay": best[1]}
    return Probe(head_accuracy(unstack(heads)[0], test), chosen)


def descend_grid(
    images: Labelled,
    runs: Sequence[Run],
    grid: Sequence[tuple[float, float]],
    **options: Any,
) -> list[LinearHead]:
    """SGD with momentum 0.9, cosine and coupled weight decay; see `descend`.

    Args:
      images: to train on.
      runs: trained in one program.
      grid: learning rates and weight decays.
      **options: of `descend`.

    Returns:
      For every run the heads of all settings, stacked on axis 0.
    """
    return descend(images, runs, _sgd, *np.asarray(grid, np.float32).T, **options)


def unstack(heads: LinearHead) -> list[LinearHead]:
    """The heads that are stacked on axis 0."""
    return [LinearHead(*head) for head in zip(*heads, strict=True)]


def _sgd(steps: int, rate: Any, decay: Any) -> optax.GradientTransformation:
    schedule = optax.cosine_decay_schedule(rate, steps)
    decayed = optax.add_decayed_weights(decay, optimizers.is_kernel)
    return optax.chain(decayed, optax.sgd(schedule, momentum=MOMENTUM))
