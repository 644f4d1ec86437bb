"""The final evaluation of a run: the accuracies in its result.json, and how they are measured."""

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ssl_jax.data.dataset import Dataset, Images, Splits
from ssl_jax.data.join import join as join_sets
from ssl_jax.devices.sharding import Shardings
from ssl_jax.evaluation.accuracy import Accuracy
from ssl_jax.evaluation.classifiers.knn import KNN_K, KNN_TEMPERATURE, knn_accuracy
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.extract import Encode, extract_all, flat_pixels
from ssl_jax.evaluation.features import Features, Labelled, join, select
from ssl_jax.evaluation.label_subset import fixed_tenth
from ssl_jax.evaluation.progress import Progress
from ssl_jax.evaluation.protocol_names import AT_END

KNN_KS = (5, KNN_K, 200)
# Raw pixels say something about images up to this side, of which there is room for all.
SMALL_SIDE = 96

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
    dtype: str = "float32",
    protocols: Sequence[str] = AT_END,
    with_pixels: bool | None = None,
    save: Callable[[str, dict[str, Any]], None] = lambda protocol, results: None,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, Any] | None:
    """Evaluates several encoders and the raw pixels in the same way, in one pass over the images.

    Args:
      encoders: frozen encoders by name; see `extract_all`.
      splits: classifiers learn from `bank` and, if there is one, `holdout`; `test` is classified.
      batch_size: images per call of an encoder.
      shardings: where a batch is placed; by default on the default device.
      dtype: in which features are kept, float32 or bfloat16.
      protocols: of `AT_END`; which metrics are computed.
      with_pixels: whether pixels are evaluated; None: if the images are small, see `SMALL_SIDE`.
      save: called after each protocol with its name and the results so far.
      progress: called with (what is done, how much of it, how much in all).

    Returns:
      The metrics of every encoder under its name and those of the pixels under "pixels", see
      `final_metrics`; under "protocol" their description. None where the images have no labels or
      there are no test images.
    """
    if splits.bank.labels is None or splits.test is None:
        return None
    if with_pixels is None:
        with_pixels = max(splits.test.images.shape[1:3]) <= SMALL_SIDE
    compared = {**encoders, **({"pixels": flat_pixels} if with_pixels else {})}

    def encode(what: str, images: Images) -> dict[str, Features]:
        return extract_all(
            compared,
            images,
            batch_size=batch_size,
            shardings=shardings,
            dtype=dtype,
            progress=lambda count: progress(f"{what} images encoded", count, len(images)),
        )

    bank, test = _train(splits), splits.test
    assert bank.labels is not None and test.labels is not None  # as all parts of a labelled set
    known, asked = encode("training", bank.images), encode("test", test.images)
    size, classes = len(splits.bank.labels), len(splits.bank.classes)
    described = {key: text for key, text in PROTOCOL.items() if key in compared or key != "pixels"}
    results: dict[str, Any] = {name: {} for name in compared} | {"protocol": described}
    for protocol in protocols:
        for name in compared:
            images = Labelled(known[name], bank.labels)
            train = select(images, np.arange(size))
            held = (
                None
                if splits.holdout is None
                else select(images, np.arange(size, len(bank.labels)))
            )
            tested = Labelled(asked[name], test.labels)
            results[name] |= METRICS[protocol](train, held, tested, num_classes=classes)
        save(protocol, results)
    return results


def _train(splits: Splits) -> Dataset:
    """All images that classifiers learn from; the held-out ones come last."""
    return splits.bank if splits.holdout is None else join_sets(splits.bank, splits.holdout)


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
    every = [METRICS[name](train, holdout, test, num_classes=num_classes) for name in AT_END]
    return dict(collections.ChainMap(*every))


def _knn(
    train: Labelled, holdout: Labelled | None, test: Labelled, *, num_classes: int
) -> dict[str, Any]:
    bank = train if holdout is None else join(train, holdout)
    ks = sorted({KNN_K, *(k for k in KNN_KS if k <= len(bank.labels))})
    by_k = knn_accuracy(bank, test, num_classes=num_classes, ks=tuple(ks))
    return {"knn": {str(k): found.top1 for k, found in by_k.items()}, **_named("knn", by_k[KNN_K])}


def _linear(
    train: Labelled, holdout: Labelled | None, test: Labelled, *, num_classes: int
) -> dict[str, Any]:
    if holdout is None:
        rest, tenth = fixed_tenth(train.labels, size=len(train.labels))
        train, holdout = select(train, rest), select(train, tenth)
    linear = ridge_probe(train, holdout, test, num_classes=num_classes)
    chosen = {f"linear_{name}": value for name, value in linear.chosen.items()}
    return {**_named("linear", linear.accuracy), **chosen}


METRICS = {"knn": _knn, "ridge": _linear}


def _named(classifier: str, found: Accuracy) -> dict[str, float]:
    """Accuracies by key; a top-5 that is None has no key."""
    return {f"{classifier}_{k}": top for k, top in found._asdict().items() if top is not None}
