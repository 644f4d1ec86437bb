"""Ranks of the true classes against sorting in Python."""

import jax.numpy as jnp
import numpy as np

from ssl_jax.evaluation.accuracy import Accuracy, accuracy, hits, label_ranks


def test_ranks_are_the_places_in_a_stable_sort() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (200, 7)).astype(np.float32)  # with many ties
    labels = rng.integers(0, 7, 200)
    expected = [
        sorted(range(7), key=lambda c, row=row: -row[c]).index(label)
        for row, label in zip(scores, labels, strict=True)
    ]
    np.testing.assert_array_equal(label_ranks(jnp.asarray(scores), jnp.asarray(labels)), expected)


def test_a_score_that_is_not_finite_is_last() -> None:
    nan, inf = np.nan, np.inf
    scores = jnp.asarray([[nan, 1, 2], [-inf, -inf, 0], [nan, nan, nan]])
    ranks = label_ranks(scores, jnp.asarray([0, 1, 2]))
    np.testing.assert_array_equal(ranks, [3, 3, 3])


def test_accuracy_counts_ranks() -> None:
    ranks = jnp.asarray([0, 0, 1, 4, 5, 6, 0, 9, 0, 0])
    # The last two images are padding.
    counts = np.asarray(hits(ranks, jnp.arange(10) < 8))
    assert accuracy(counts, images=8, num_classes=10) == Accuracy(3 / 8, 5 / 8)
    assert accuracy(counts, images=8, num_classes=5) == Accuracy(3 / 8, None)
