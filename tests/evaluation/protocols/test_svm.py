"""Linear SVMs: average precision against other definitions, the protocol against plain loops."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.errors import UserError
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.protocols.svm import (
    MultiLabelled,
    average_precisions,
    svm,
    svm_accuracy,
    svm_precision,
)
from tests.evaluation.clusters import clusters
from tests.evaluation.tasks import coloured_splits, tiny_task

COSTS = (1e-4, 1e-2, 1.0)
NAMES = ("cat", "dog", "cow")


def multi_label(size: int, seed: int) -> MultiLabelled:
    """Features and presence; a tenth is hard to tell."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, 6)).astype(np.float32) * 3
    weights = np.random.default_rng(9).normal(size=(6, 3))
    scores = features @ weights + 4 * rng.normal(size=(size, 3))
    presence = np.where(scores > 3, 1, -1)
    presence[rng.random(presence.shape) < 0.1] = 0
    return MultiLabelled(features, presence.astype(np.int8))


def area_loop(scores: np.ndarray, present: np.ndarray) -> tuple[float, float]:
    """Both average precisions from their definitions."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    points = []
    for cut in range(1, len(order) + 1):
        hits = sum(present[i] for i in order[:cut])
        points.append((hits, hits / cut))
    total = int(sum(present))

    def best(tenths: float) -> float:
        return max(p for hits, p in points if 10 * hits >= tenths * total)

    area = sum(best(10 * hits / total) for hits in range(1, total + 1)) / total
    return area, sum(best(tenths) for tenths in range(11)) / 11


@pytest.mark.parametrize("size", [1, 7, 60])
def test_average_precisions_are_those_of_loops(size: int) -> None:
    rng = np.random.default_rng(size)
    scores, present = np.round(rng.normal(size=size), 1), rng.random(size) < 0.4
    present[size // 2] = True
    found = average_precisions(scores, present)
    assert found == pytest.approx(area_loop(scores, present), rel=1e-12)


def test_average_precision_lies_above_that_without_interpolation() -> None:
    rng = np.random.default_rng(0)
    scores, present = rng.normal(size=200), rng.random(200) < 0.3
    plain = average_precision_score(present, scores)
    assert plain < average_precisions(scores, present)[0] < plain + 0.05
    # Where precision falls all the way there is nothing to interpolate.
    scores, present = -np.arange(10.0), np.arange(10) < 4
    assert average_precisions(scores, present) == (1.0, 1.0)
    present = np.array([True] * 3 + [False] * 6 + [True])
    found = average_precisions(scores, present)
    assert found[0] == pytest.approx(average_precision_score(present, scores))
    assert found[1] == pytest.approx((8 * 1 + 3 * 0.4) / 11)


def test_precision_is_that_of_the_protocol_written_out() -> None:
    features, presence = train = multi_label(90, 0)
    test_features, test_presence = test = multi_label(60, 1)
    found = svm_precision(train, test, NAMES, costs=COSTS)

    def unit(rows: np.ndarray) -> np.ndarray:
        return np.array([row / np.sqrt(np.sum(row**2)) for row in rows.astype(np.float64)])

    def fit(cost: float, rows: np.ndarray, targets: np.ndarray) -> LinearSVC:
        # In the dual, as the official code.
        weights = {1: 2, -1: 1}
        model = LinearSVC(C=cost, class_weight=weights, dual=True, tol=1e-7, max_iter=100000)
        return model.fit(unit(features[rows]), targets[rows])

    for index in range(3):
        targets = np.where(presence[:, index] == 1, 1, -1)
        means = []
        for cost in COSTS:
            scores = []
            for rows, left in StratifiedKFold(3).split(features, targets):
                model = fit(cost, rows, targets)
                values = model.decision_function(unit(features[left]))
                scores.append(average_precision_score(targets[left], values))
            means.append(np.mean(scores))
        cost = COSTS[int(np.argmax(means))]
        known = test_presence[:, index] != 0
        values = fit(cost, np.arange(90), targets).decision_function(unit(test_features[known]))
        area, eleven = area_loop(values, test_presence[known, index] == 1)
        assert found.costs[index] == cost
        assert found.area[index] == pytest.approx(area, abs=1e-3)
        assert found.eleven_points[index] == pytest.approx(eleven, abs=1e-3)
    assert 0.3 < min(found.area) < max(found.area) < 0.95


def test_classes_in_too_few_images_are_refused() -> None:
    features, presence = whole = multi_label(90, 0)
    rare = presence.copy()
    rare[np.flatnonzero(rare[:, 1] == 1)[2:], 1] = -1
    with pytest.raises(UserError, match="class dog must be in at least 3 training images, not 2"):
        svm_precision(MultiLabelled(features, rare), whole, NAMES, costs=COSTS)
    none = np.minimum(presence, 0)
    with pytest.raises(UserError, match="class cat must be in at least 1 test images, not 0"):
        svm_precision(whole, MultiLabelled(features, none), NAMES, costs=COSTS)
    images = Labelled(features, np.arange(90) // 2)
    with pytest.raises(UserError, match="every class must be in at least 3 training images, not 2"):
        svm_accuracy(images, images, num_classes=45)


@pytest.mark.parametrize("classes", [2, 7])
def test_accuracy_is_that_of_scikit_learn(classes: int) -> None:
    train, test = clusters(200, 100, classes=classes, width=5, spread=1.0, seed=0)
    # A class more, without training images.
    found, cost = svm_accuracy(train, test, num_classes=classes + 1, costs=(0.1,))
    assert cost == 0.1

    def unit(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)

    model = LinearSVC(C=0.1, dual=False).fit(unit(train.features), train.labels)
    assert found.top1 == pytest.approx(model.score(unit(test.features), test.labels))
    assert 0.3 < found.top1 < 1
    assert (found.top5 is None) == (classes == 2)
    if classes == 7:
        order = np.argsort(-model.decision_function(unit(test.features)), axis=1)
        top5 = np.mean([label in row[:5] for label, row in zip(test.labels, order, strict=True)])
        assert found.top5 == pytest.approx(top5) and found.top1 < top5 < 1


def test_the_cost_is_chosen_on_the_training_images() -> None:
    train, test = clusters(200, 100, classes=4, width=5, spread=0.5, seed=0)
    chosen = svm_accuracy(train, test, num_classes=4)[1]
    shuffled = test._replace(labels=np.roll(test.labels, 1))
    assert svm_accuracy(train, shuffled, num_classes=4)[1] == chosen > 1e-3


def test_protocol_on_a_multi_label_set() -> None:
    def dataset(size: int, seed: int) -> Dataset:
        """Images whose colours tell what is in them."""
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (size, 1, 1, 3))
        presence = np.where(images[:, 0, 0] + rng.normal(0, 60, (size, 3)) > 150, 1, -1)
        images = np.broadcast_to(images, (size, 8, 8, 3)).astype(np.uint8)
        return Dataset(images, None, NAMES, presence=presence.astype(np.int8))

    task = tiny_task(Splits(dataset(80, 0), dataset(20, 1), dataset(60, 2)))
    found = svm(task, 0)
    aps = [found[f"ap_{name}"] for name in NAMES]
    assert found["map"] == pytest.approx(np.mean(aps)) and 0.6 < found["map"] < 1
    assert found["map_11_point"] == pytest.approx(found["map"], abs=0.05)
    assert set(found["settings"]["cost"]) == set(NAMES)
    json.dumps(found)
    train, test = (
        MultiLabelled(np.asarray(task.vectors(part)), task.part(part).presence)
        for part in ("train", "test")
    )
    assert len(train.features) == 100
    assert svm_precision(train, test, NAMES).area == aps


def test_protocol_on_a_set_with_one_label_an_image() -> None:
    task = tiny_task(coloured_splits())
    found = svm(task, 0)
    expected, cost = svm_accuracy(task.features("train"), task.features("test"), num_classes=7)
    assert (found["top1"], found["top5"]) == expected and found["settings"]["cost"] == cost
    assert 0.5 < found["top1"] < 1
    json.dumps(found)
