"""SVMs by SGD against those of scikit-learn."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from ssl_jax.evaluation.classifiers import hinge
from ssl_jax.evaluation.classifiers.descent import Run
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.protocols.svm import svm_accuracy
from ssl_jax.health.representation import unit
from tests.evaluation.clusters import clusters

CLASSES = 7
TRAIN, TEST = clusters(300, 400, classes=CLASSES, width=20, spread=2.0, seed=1)


def test_heads_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    images = Labelled(unit(np.asarray(TRAIN.features)).astype(np.float32), TRAIN.labels)
    costs = (0.1, 10.0)
    monkeypatch.setattr(hinge, "BATCH_SIZE", 20)
    (heads,) = hinge.fit(images, [Run(0)], costs, num_classes=CLASSES, epochs=600)
    for kernel, bias, cost in zip(*heads, costs, strict=True):
        model = LinearSVC(C=cost, dual=False, tol=1e-6, max_iter=5000).fit(*images)
        np.testing.assert_allclose(kernel.T, model.coef_, atol=0.04 * np.abs(model.coef_).max())
        np.testing.assert_allclose(bias, model.intercept_, atol=0.03)


def test_accuracy_is_near_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hinge, "BATCH_SIZE", 20)
    costs = (1e-3, 1e-1, 10.0)
    seen: list[int] = []
    options = {"num_classes": CLASSES, "costs": costs}
    found, cost = hinge.hinge_accuracy(
        TRAIN, TEST, folds=3, epochs=200, progress=seen.append, **options
    )
    expected, best = svm_accuracy(TRAIN, TEST, **options)
    assert cost == best
    assert abs(found.top1 - expected.top1) <= 0.02 and 0.3 < found.top1 < 0.95
    assert found.top5 is not None and expected.top5 is not None
    assert abs(found.top5 - expected.top5) <= 0.02
    assert seen == 2 * list(range(1, 201))
