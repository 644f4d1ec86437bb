"""The final evaluation of a run: the accuracies in its result.json, and how they are measured."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.devices.sharding import Shardings
from ssl_jax.evaluation.accuracy import Accuracy
from ssl_jax.evaluation.classifiers.knn import KNN_K, KNN_TEMPERATURE, knn_accuracy
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.features import Encode, Labelled, extract, join, pixels, select
from ssl_jax.evaluation.label_subset import fixed_tenth

KNN_KS = (5, KNN_K, 200)

PROTOCOL = {
    "features": "frozen, of images without augmentation; one forward pass; an image's features "
    "do not depend on its batch",
    "knn": f"weighted k-nearest-neighbour vote, k = {KNN_K} (knn_top1), cosine similarity, weights "
    f"exp(similarity / {KNN_TEMPERATURE}); bank = training images and held-out part",
    "linear": "ridge regression to one-hot labels on features standardised by the training "
    "images; lambda chosen by top-1 on the held-out part of the training split (on a fixed tenth "
    "of the training images where nothing was held out), then fitted again on training images "
    "and held-out part",
    "pixels": "the images themselves, reduced to sides of 32 pixels where they are larger",
    "test": "the test split is read once, after every choice",
}


def compare_encoders(
    encoders: Mapping[str, Encode],
    splits: Splits,
    *,
    batch_size: int,
    shardings: Shardings | None = None,
) -> dict[str, Any] | None:
    """Evaluates several encoders and the raw pixels in the same way.

    Args:
      encoders: frozen encoders by name; see `extract`.
      splits: classifiers learn from `bank` and, if there is one, `holdout`; `test` is classified.
      batch_size: images per call of an encoder.
      shardings: where a batch is placed; by default on the default device.

    Returns:
      The metrics of every encoder under its name and those of the pixels under "pixels", see
      `final_metrics`; under "protocol" their description. None where the images have no labels or
      there are no test images.
    """
    if splits.bank.labels is None or splits.test is None:
        return None

    def labelled(dataset: Dataset, features: Callable[[Any], np.ndarray]) -> Labelled:
        assert dataset.labels is not None  # all parts of a labelled set have labels
        return Labelled(features(dataset.images), dataset.labels)

    def metrics(features: Callable[[Any], np.ndarray]) -> dict[str, Any]:
        assert splits.test is not None
        return final_metrics(
            labelled(splits.bank, features),
            None if splits.holdout is None else labelled(splits.holdout, features),
            labelled(splits.test, features),
            num_classes=len(splits.bank.classes),
        )

    results: dict[str, Any] = {
        name: metrics(
            lambda images, encode=encode: extract(
                encode, images, batch_size=batch_size, shardings=shardings
            )
        )
        for name, encode in encoders.items()
    }
    return {**results, "pixels": metrics(pixels), "protocol": PROTOCOL}


def final_metrics(
    train: Labelled, holdout: Labelled | None, test: Labelled, *, num_classes: int
) -> dict[str, Any]:
    """The metrics of one encoder's features, as `PROTOCOL` describes them.

    Args:
      train: the images that the method learned from.
      holdout: training images kept back for choosing hyper-parameters; None if there are none.
      test: the test images.
      num_classes: of the data set.

    Returns:
      Accuracies in [0, 1]: knn_top1, linear_top1 and, with more than five classes, knn_top5 and
      linear_top5; knn: top-1 for each k that the bank is large enough for. linear_lambda: the
      chosen hyper-parameter.
    """
    bank = train if holdout is None else join(train, holdout)
    ks = sorted({KNN_K, *(k for k in KNN_KS if k <= len(bank.labels))})
    by_k = knn_accuracy(bank, test, num_classes=num_classes, ks=tuple(ks))
    if holdout is None:
        rest, tenth = fixed_tenth(train.labels, size=len(train.labels))
        train, holdout = select(train, rest), select(train, tenth)
    linear = ridge_probe(train, holdout, test, num_classes=num_classes)
    return {
        "knn": {str(k): found.top1 for k, found in by_k.items()},
        **_named("knn", by_k[KNN_K]),
        **_named("linear", linear.accuracy),
        **{f"linear_{name}": value for name, value in linear.chosen.items()},
    }


def _named(classifier: str, found: Accuracy) -> dict[str, float]:
    """Accuracies by key; a top-5 that is None has no key."""
    return {f"{classifier}_{k}": top for k, top in found._asdict().items() if top is not None}
