"""Supervised training: cross-entropy of labels, which must be there and be known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses


def cross_entropy(logits, labels, smoothing):
    total = 0.0
    for row, label in zip(np.float64(logits), labels, strict=True):
        log_p = row - np.log(np.exp(row).sum())
        total -= (1.0 - smoothing) * log_p[label] + smoothing * log_p.mean()
    return total / len(labels)


def test_is_the_cross_entropy_of_every_view_and_an_unknown_label_makes_it_nan():
    batch = batch_of()._replace(labels=jnp.arange(16) % 3)
    method = cases.method_of("supervised", num_classes=3, label_smoothing=0.2)
    params, state = start(method, batch._replace(labels=None))
    classifier = MLP((3,))
    stats = state["stats"]
    names = ("classifier",)
    logits = [branch(params, stats, v, names, classifier=classifier) for v in batch.views]
    loss = jax.jit(method.loss)
    value, aux = loss(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    labels = np.arange(16) % 3
    expected = np.mean([cross_entropy(view, labels, 0.2) for view in logits])
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    right = [np.argmax(view, axis=1) == labels for view in logits]
    np.testing.assert_allclose(aux.metrics["accuracy"], np.mean(right), rtol=1e-5)
    features = branch(params, stats, batch.views[1], ())
    np.testing.assert_allclose(aux.embeddings[1], features, rtol=1e-3, atol=1e-4)
    for unknown in (-1, 3):
        wrong = batch._replace(labels=batch.labels.at[5].set(unknown))
        assert np.isnan(loss(params, state, wrong, KEY, jnp.int32(0))[0])


def test_chance_is_the_value_of_equal_logits():
    expected = cross_entropy(np.zeros((4, 7)), [0, 1, 2, 6], 0.3)
    assert cases.method_of("supervised", num_classes=7).expect(4, 1).chance == pytest.approx(
        expected
    )


def test_labels_are_needed_and_one_view_is_enough():
    method, batch = cases.method_of("supervised"), batch_of(1)
    params, state = jax.eval_shape(method.init, KEY, batch)
    labelled = batch._replace(labels=jnp.zeros(16, jnp.int32))
    jax.eval_shape(method.loss, params, state, labelled, KEY, jnp.int32(0))
    with refuses("name", "supervised"):
        jax.eval_shape(method.loss, params, state, batch, KEY, jnp.int32(0))
    with refuses("label_smoothing", 1.0):
        cases.method_of("supervised", label_smoothing=1.0)
