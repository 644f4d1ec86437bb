"""Accuracy from scores, by sorting in NumPy."""

import numpy as np


def top(scores: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of images whose label is among the k highest scores."""
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean([label in row for row, label in zip(best, labels, strict=True)]))
