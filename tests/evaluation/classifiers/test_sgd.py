"""Softmax regression by SGD against gradient descent in float64 and against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ssl_jax.evaluation.classifiers.descent import Run
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.classifiers.sgd import descend_grid, sgd_probe
from ssl_jax.evaluation.features import Labelled, join
from tests.evaluation.clusters import clusters
from tests.evaluation.scores import top

CLASSES = 7
TRAIN, HOLDOUT, TEST = clusters(200, 60, 400, classes=CLASSES, width=40, spread=2.0, seed=1)


def test_descent_is_sgd_with_momentum_cosine_and_coupled_decay() -> None:
    epochs, rates, decays = 6, (0.5, 2.0), (0.0, 0.1)
    x = TRAIN.features[:50].astype(np.float64)
    y = np.eye(CLASSES)[TRAIN.labels[:50]]
    (heads,) = descend_grid(
        Labelled(TRAIN.features[:50], TRAIN.labels[:50]),
        [Run(0)],
        list(zip(rates, decays, strict=True)),
        num_classes=CLASSES,
        epochs=epochs,
        batch_size=50,  # the whole set: the order does not matter
    )
    for index, (rate, decay) in enumerate(zip(rates, decays, strict=True)):
        kernel, bias = np.zeros((40, CLASSES)), np.zeros(CLASSES)
        moved_kernel, moved_bias = np.zeros_like(kernel), np.zeros_like(bias)
        for step in range(epochs):
            scores = np.exp(x @ kernel + bias)
            error = (scores / scores.sum(axis=1, keepdims=True) - y) / 50
            moved_kernel = 0.9 * moved_kernel + x.T @ error + decay * kernel
            moved_bias = 0.9 * moved_bias + error.sum(axis=0)
            now = rate * (1 + np.cos(np.pi * step / epochs)) / 2
            kernel, bias = kernel - now * moved_kernel, bias - now * moved_bias
        assert np.abs(kernel).max() > 0.1
        np.testing.assert_allclose(heads.kernel[index], kernel, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(heads.bias[index], bias, rtol=1e-3, atol=1e-4)


def test_an_epoch_takes_every_image_once() -> None:
    # With features of disjoint images, one epoch at a constant small rate moves each image's own
    # row of the kernel once; zero gradient elsewhere.
    count = 12
    (heads,) = descend_grid(
        Labelled(np.eye(count, dtype=np.float32), np.arange(count) % CLASSES),
        [Run(0)],
        [(1e-3, 0.0)],
        num_classes=CLASSES,
        epochs=1,
        batch_size=4,
    )
    moved = np.abs(np.asarray(heads.kernel[0])).max(axis=1)
    assert (moved > 0).all()


def test_sgd_probe_comes_near_logistic_regression() -> None:
    probe = sgd_probe(
        TRAIN,
        HOLDOUT,
        TEST,
        num_classes=CLASSES,
        learning_rates=(1e-4, 1.0),
        weight_decays=(1e-3,),
        batch_size=64,
        epochs=30,
    )
    assert probe.chosen == {"learning_rate": 1.0, "weight_decay": 1e-3}
    mean, deviation = TRAIN.features.mean(0), TRAIN.features.std(0)
    both = join(TRAIN, HOLDOUT)
    # The features that SGD sees are divided by sqrt(d): a decay of 1e-3 there is 1e-3 d here.
    oracle = LogisticRegression(C=1 / (1e-3 * 40 * len(both.labels)), max_iter=1000)
    oracle.fit((both.features - mean) / deviation, both.labels)
    scores = oracle.predict_proba((TEST.features - mean) / deviation)
    assert probe.accuracy.top5 is not None
    assert abs(probe.accuracy.top1 - top(scores, TEST.labels, 1)) < 0.02
    assert abs(probe.accuracy.top5 - top(scores, TEST.labels, 5)) < 0.02
    assert 0.3 < probe.accuracy.top1 < 0.95


def test_sgd_probe_is_fitted_again_with_the_held_out_images() -> None:
    old = TRAIN.labels < 4
    train = Labelled(TRAIN.features[old], TRAIN.labels[old])
    new = Labelled(TRAIN.features[~old], TRAIN.labels[~old])
    tested = Labelled(TEST.features[TEST.labels >= 4], TEST.labels[TEST.labels >= 4])
    probe = sgd_probe(train, new, tested, num_classes=CLASSES, learning_rates=(1.0,), epochs=10)
    assert probe.accuracy.top1 > 0.3  # of classes that only the held-out images have


def test_two_classes_have_no_top5_and_are_told_apart_as_by_ridge() -> None:
    sets = clusters(120, 40, 200, classes=7, width=10, spread=1.5, seed=2)
    halves = [Labelled(images.features, images.labels % 2) for images in sets]
    probe = sgd_probe(*halves, num_classes=2)
    assert set(probe.chosen) == {"learning_rate", "weight_decay"}
    assert probe.accuracy.top5 is None
    expected = ridge_probe(*halves, num_classes=2).accuracy.top1
    assert probe.accuracy.top1 == pytest.approx(expected, abs=0.1)
