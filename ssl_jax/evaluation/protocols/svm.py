"""Protocol `svm`: linear support vector machines on frozen features, one per class.

On multi-label sets it follows the VOC 2007 evaluation of Goyal et al. (arXiv 1905.01235, in their
code, fair_self_supervision_benchmark): features of length 1, squared hinge loss, double weight for
images with the class, the cost of each class chosen by 3-fold cross-validation on the training
images. Images in which the class is hard to tell count as images without it in training, and are
left out in testing. Their average precision is the area below the precision made non-increasing in
recall, VOC's definition since 2010; the mean over eleven points, VOC's definition in 2007, is
reported as well.

Ours: solved in the primal instead of the dual, which has the same minimum and no random order.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int8
from sklearn.model_selection import cross_val_score
from sklearn.svm import LinearSVC

from ssl_jax.errors import UserError
from ssl_jax.evaluation.accuracy import Accuracy, sklearn_accuracy
from ssl_jax.evaluation.classifiers.hinge import EPOCHS, hinge_accuracy
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.task import Task
from ssl_jax.health.representation import unit

FOLDS = 3
# From the code of Goyal et al.
COSTS = tuple(sorted({*(10.0**n for n in range(-7, 3)), *(2.0**n for n in range(-19, -3))}))
# Images x features x classes up to which LinearSVC is used; CIFAR-10 with 512 features has 2.6e8.
# It fits class by class, 22 times for costs and folds.
LIBLINEAR_WORK = 1e9
SINGLE_LABEL_COSTS = tuple(10.0**n for n in range(-2, 5))


class MultiLabelled(NamedTuple):
    """Images of a multi-label set.

    features: [N, d].
    presence: which classes each image shows, as in `data.dataset.Dataset`, [N, C].
    """

    features: Float[np.ndarray, "n d"]
    presence: Int8[np.ndarray, "n c"]


class Precision(NamedTuple):
    """Average precision, one value per class.

    area: by VOC's definition since 2010.
    eleven_points: by VOC's definition in 2007.
    costs: the cost that was chosen.
    """

    area: list[float]
    eleven_points: list[float]
    costs: list[float]


def svm(task: Task, seed: int) -> dict[str, Any]:
    """Mean average precision on multi-label sets, accuracy on others.

    Args:
      task: the encoder and the images.
      seed: has no effect.

    Returns:
      map, map_11_point and ap_CLASS for each class, or top1 and top5; all on the test images.
      settings: how they were obtained.

    Raises:
      UserError: if a class is in too few images.
    """
    del seed
    settings = {
        "classifier": "linear SVM of each class against the rest, squared hinge, features of "
        "length 1, no augmentation",
        "chosen_on": f"{FOLDS}-fold cross-validation on the training images",
    }
    if task.part("test").presence is None:
        train, test = task.features("train"), task.features("test")
        common = {"num_classes": task.num_classes, "costs": SINGLE_LABEL_COSTS}
        work = train.features.shape[0] * train.features.shape[1] * task.num_classes
        if work > LIBLINEAR_WORK:
            what = "epochs of the SVMs"
            accuracy, cost = hinge_accuracy(
                train,
                test,
                folds=FOLDS,
                progress=lambda epoch: task.progress(what, epoch, EPOCHS),
                **common,
            )
            solver = f"SGD, all classes at once, {EPOCHS} epochs"
        else:
            accuracy, cost = svm_accuracy(train, test, **common)
            solver = "LinearSVC of scikit-learn"
        chosen = {"costs": SINGLE_LABEL_COSTS, "chosen_by": "top-1", "cost": cost}
        chosen["solver"] = solver
        return {**accuracy._asdict(), "settings": settings | chosen}
    classes = task.part("test").classes
    train, test = (_multi_labelled(task, part) for part in ("train", "test"))
    precision = svm_precision(train, test, classes)
    chosen = {
        "costs": COSTS,
        "chosen_by": "average precision",
        "cost": dict(zip(classes, precision.costs, strict=True)),
        "class_weight": "2 for images with the class, 1 for others",
        "hard_to_tell": "absent in training, left out in testing",
    }
    return {
        "map": float(np.mean(precision.area)),
        "map_11_point": float(np.mean(precision.eleven_points)),
        **{f"ap_{name}": ap for name, ap in zip(classes, precision.area, strict=True)},
        "settings": settings | chosen,
    }


def svm_precision(
    train: MultiLabelled,
    test: MultiLabelled,
    classes: Sequence[str],
    *,
    costs: Sequence[float] = COSTS,
) -> Precision:
    """Average precision on the test images, the cost of each class chosen by cross-validation.

    Args:
      train: the images to fit and to choose by.
      test: the images to rank.
      classes: names, for messages.
      costs: to choose from.

    Raises:
      UserError: if a class is in fewer than 3 training images, or in no test image.
    """
    features, test_features = unit(train.features), unit(test.features)
    make = _maker({True: 2, False: 1})
    precision = Precision([], [], [])
    for name, presence, in_test in zip(classes, train.presence.T, test.presence.T, strict=True):
        present, known = presence == 1, in_test != 0
        _require(f"class {name}", "training", present.sum(), FOLDS)
        _require(f"class {name}", "test", (in_test == 1).sum(), 1)
        cost = _choose(make, features, present, costs, scoring="average_precision")
        scores = make(cost).fit(features, present).decision_function(test_features[known])
        area, eleven_points = average_precisions(scores, in_test[known] == 1)
        for values, value in zip(precision, (area, eleven_points, cost), strict=True):
            values.append(value)
    return precision


def svm_accuracy(
    train: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    costs: Sequence[float] = SINGLE_LABEL_COSTS,
) -> tuple[Accuracy, float]:
    """Accuracy on the test images, one cost for all classes chosen by cross-validation.

    Args:
      train: the images to fit and to choose by.
      test: the images to classify.
      num_classes: of the data set.
      costs: to choose from.

    Returns:
      (accuracy, chosen cost).

    Raises:
      UserError: if a class is in fewer than 3 training images.
    """
    features, make = unit(np.asarray(train.features)), _maker(None)
    counts = np.bincount(train.labels)
    _require("every class", "training", counts[counts > 0].min(), FOLDS)
    cost = _choose(make, features, train.labels, costs, scoring="accuracy")
    model = make(cost).fit(features, train.labels)
    test = test._replace(features=unit(np.asarray(test.features)))
    return sklearn_accuracy(model, test, num_classes=num_classes), cost


def average_precisions(
    scores: Float[np.ndarray, " n"], present: Bool[np.ndarray, " n"]
) -> tuple[float, float]:
    """Average precision by VOC's definition since 2010, and by that of 2007.

    With p(r) the highest precision at a recall of at least r: the area below p, and the mean of
    p at 0, 0.1, ..., 1.

    Args:
      scores: by which images are ranked; among equal scores the first ranks first.
      present: whether each image shows the class; at least one does.
    """
    present = present[np.argsort(-scores, kind="stable")]
    hits = np.cumsum(present)
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    # In tenths, so that a recall of exactly 0.3 is not lost in rounding.
    points = [precision[np.argmax(10 * hits >= tenths * hits[-1])] for tenths in range(11)]
    return float(np.mean(precision[present])), float(np.mean(points))


def _multi_labelled(task: Task, part: str) -> MultiLabelled:
    presence = task.part(part).presence
    assert presence is not None  # all parts of a multi-label set have one
    return MultiLabelled(np.asarray(task.vectors(part)), presence)


def _require(what: str, part: str, count: Any, least: int) -> None:
    if count < least:
        raise UserError(f"{what} must be in at least {least} {part} images, not {count}")


def _maker(weights: dict[bool, int] | None) -> Callable[[float], LinearSVC]:
    options: Any = {"class_weight": weights, "dual": False, "max_iter": 2000}
    return lambda cost: LinearSVC(C=cost, **options)


def _choose(
    make: Callable[[float], LinearSVC],
    features: Float[np.ndarray, "n d"],
    targets: Int[np.ndarray, " n"] | Bool[np.ndarray, " n"],
    costs: Sequence[float],
    *,
    scoring: str,
) -> float:
    """The cost with the best mean score over the folds; among equally good costs the smallest."""

    def score(cost: float) -> float:
        return float(
            cross_val_score(make(cost), features, targets, cv=FOLDS, scoring=scoring).mean()
        )

    # Threads are enough: the solver runs outside Python's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scores = list(pool.map(score, costs))
    return costs[int(np.argmax(scores))]
