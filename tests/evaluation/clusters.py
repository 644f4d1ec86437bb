"""Overlapping clusters, one per class: neither easy nor hopeless for any probe."""

import numpy as np

from ssl_jax.evaluation.features import Labelled


def clusters(*sizes: int, classes: int, width: int, spread: float, seed: int) -> list[Labelled]:
    """Sets of the given sizes from the same clusters, with unequal scales and a shift."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, width))
    scales = np.exp(rng.normal(size=width))
    sets = []
    for size in sizes:
        labels = rng.integers(0, classes, size)
        noise = spread * rng.normal(size=(size, width))
        features = (centres[labels] + noise) * scales + 0.3
        sets.append(Labelled(features.astype(np.float32), labels))
    return sets
