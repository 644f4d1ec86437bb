"""Ridge regression against scikit-learn in float64."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ssl_jax.evaluation import shares
from ssl_jax.evaluation.classifiers import ridge
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.features import Labelled, join
from tests.evaluation.clusters import clusters
from tests.evaluation.scores import top

CLASSES = 7
TRAIN, HOLDOUT, TEST = clusters(200, 60, 400, classes=CLASSES, width=40, spread=2.0, seed=1)


def ridge_scores(fitted: Labelled, scored: Labelled, penalty: float) -> np.ndarray:
    """By scikit-learn in float64, on features standardised by TRAIN."""
    mean, deviation = TRAIN.features.mean(0, np.float64), TRAIN.features.std(0, np.float64)
    model = Ridge(alpha=penalty * len(fitted.labels))
    model.fit((fitted.features - mean) / deviation, np.eye(CLASSES)[fitted.labels])
    return model.predict((scored.features - mean) / deviation)


@pytest.mark.parametrize("penalty", [1e-4, 0.1, 10.0])
def test_ridge_is_that_of_scikit_learn(penalty: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "BLOCK_ROWS", 64)
    # With a shift, so that the mean of both parts is not the training part's.
    holdout = Labelled(HOLDOUT.features + 1, HOLDOUT.labels)
    scores = ridge_scores(join(TRAIN, holdout), TEST, penalty)
    probe = ridge_probe(TRAIN, holdout, TEST, num_classes=CLASSES, lambdas=(penalty,))
    assert probe.chosen == {"lambda": penalty}
    assert probe.accuracy == (top(scores, TEST.labels, 1), top(scores, TEST.labels, 5))

    # The head itself, on features that are neither centred nor of one scale.
    model = Ridge(alpha=penalty * len(TRAIN.labels))
    model.fit(TRAIN.features.astype(np.float64), np.eye(CLASSES)[TRAIN.labels])
    head = ridge.solve(ridge.moments(TRAIN, CLASSES), penalty)
    np.testing.assert_allclose(head.kernel, model.coef_.T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(head.bias, model.intercept_, rtol=1e-4, atol=1e-5)


def test_ridge_chooses_on_the_held_out_images() -> None:
    lambdas = (1e-4, 1e-2, 0.1, 0.3, 1.0, 10.0, 100.0)
    by_lambda = [
        (top(ridge_scores(TRAIN, HOLDOUT, value), HOLDOUT.labels, 1), value) for value in lambdas
    ]
    probe = ridge_probe(TRAIN, HOLDOUT, TEST, num_classes=CLASSES, lambdas=lambdas)
    assert probe.chosen == {"lambda": max(by_lambda)[1]}
    assert lambdas[0] < probe.chosen["lambda"] < lambdas[-1]
    equal = ridge_probe(TRAIN, HOLDOUT, TEST, num_classes=CLASSES, lambdas=(1e-9, 1e-8))
    assert equal.chosen == {"lambda": 1e-8}


def test_dead_and_repeated_features_do_no_harm() -> None:
    def with_more(images: Labelled) -> Labelled:
        constant = np.full((len(images.labels), 1), 0.1, np.float32)
        return Labelled(np.hstack([images.features, images.features, constant]), images.labels)

    sets = [with_more(images) for images in (TRAIN, HOLDOUT, TEST)]
    # Twice the same features are one with half the penalty.
    twice = ridge_probe(*sets, num_classes=CLASSES, lambdas=(0.2,))
    once = ridge_probe(TRAIN, HOLDOUT, TEST, num_classes=CLASSES, lambdas=(0.1,))
    assert twice.accuracy == once.accuracy
