"""The evaluation protocol: what every reported accuracy is, in code and in words."""

import math
from typing import Any

import numpy as np

from ssl_jax.data.dataset import FIXED_SEED, draw
from ssl_jax.evaluation.classifiers.knn import knn_accuracy
from ssl_jax.evaluation.classifiers.linear import ridge, sgd_probe
from ssl_jax.evaluation.features import Labelled, join

K = 20
TEMPERATURE = 0.07
KS = (5, K, 200)

PROTOCOL = {
    "features": "frozen, of images without augmentation; one forward pass, an image's features "
    "do not depend on its batch",
    "knn": f"weighted k-nearest-neighbour vote, k = {K} (knn_top1), cosine similarity, weights "
    f"exp(similarity / {TEMPERATURE}); bank = training images and held-out part",
    "linear": "ridge regression to one-hot labels on features standardised by the training "
    "images; lambda chosen by top-1 on the held-out part of the training split (on a fixed tenth "
    "of the training images where nothing was held out), then fitted again on training images "
    "and held-out part",
    "sgd": "softmax regression by SGD on the same features: momentum 0.9, cosine, 100 epochs, "
    "batch 256; learning rate and weight decay chosen and fitted again like lambda",
    "pixels": "the images themselves, reduced to 32 pixels a side where they are larger",
    "test": "the test split is read once, after every choice",
}


def evaluate(
    train: Labelled,
    holdout: Labelled | None,
    test: Labelled,
    *,
    num_classes: int,
    ks: tuple[int, ...] = KS,
    sgd: bool = False,
) -> dict[str, Any]:
    """All figures of one feature matrix, as `PROTOCOL` has them.

    Args:
      train: the images that the method learned from.
      holdout: training images kept back for choosing hyper-parameters; None if there are none.
      test: the test images.
      num_classes: of the data set.
      ks: further k for kNN; those larger than the bank are left out.
      sgd: also train the SGD probe.

    Returns:
      Accuracies in [0, 1]: knn_top1, knn (top-1 by k), linear_top1 and, where asked for, sgd_top1;
      with more than five classes knn_top5, linear_top5, sgd_top5 too. Beside them what was chosen:
      linear_lambda, sgd_learning_rate, sgd_weight_decay.
    """
    bank = train if holdout is None else join(train, holdout)
    wanted = {K, *(k for k in ks if k <= len(bank.labels))}
    by_k = knn_accuracy(
        bank, test, num_classes=num_classes, ks=tuple(sorted(wanted)), temperature=TEMPERATURE
    )
    accuracies = {"knn": by_k[K]}
    figures: dict[str, Any] = {"knn": {str(k): found.top1 for k, found in by_k.items()}}
    fitted, choosing = _tenth(train) if holdout is None else (train, holdout)
    probes = {"linear": ridge, "sgd": sgd_probe} if sgd else {"linear": ridge}
    for name, fit in probes.items():
        probe = fit(fitted, choosing, test, num_classes=num_classes)
        accuracies[name] = probe.accuracy
        figures |= {f"{name}_{what}": value for what, value in probe.chosen.items()}
    for name, found in accuracies.items():
        figures[f"{name}_top1"] = found.top1
        if found.top5 is not None:
            figures[f"{name}_top5"] = found.top5
    return figures


def _tenth(images: Labelled) -> tuple[Labelled, Labelled]:
    """(the rest, a tenth of the images drawn by a fixed seed, each class giving its share)."""
    size = len(images.labels)
    count = math.ceil(size / 10)
    chosen = draw(images.labels.astype(np.int32), size=size, count=count, seed=FIXED_SEED)
    rest = np.setdiff1d(np.arange(size), chosen)
    return Labelled(*(a[rest] for a in images)), Labelled(*(a[chosen] for a in images))
