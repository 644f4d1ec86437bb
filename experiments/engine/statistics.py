"""Means over seeds, and intervals of differences between rows."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000


class Spread(NamedTuple):
    """mean: over the seeds. deviation: of a sample; None for a single seed. count: of seeds."""

    mean: float
    deviation: float | None
    count: int


class Difference(NamedTuple):
    """A difference between two rows.

    mean: over the seeds that both have.
    low, high: its 95 % bootstrap interval over these seeds; None for a single one.
    """

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample deviation.

    >>> spread([1.0, 3.0])
    Spread(mean=2.0, deviation=1.4142135623730951, count=2)
    """
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.mean(values), deviation, len(values))


def difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Difference | None:
    """The difference of two rows by seed: percentiles of means of resampled paired differences.

    Args:
      ours, theirs: values by seed; only seeds that both have count.

    Returns:
      None where they have no seed in common.
    """
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    paired = np.array([ours[seed] - theirs[seed] for seed in seeds])
    if len(seeds) < 2:
        return Difference(float(paired.mean()))
    drawn = np.random.default_rng(0).integers(0, len(paired), (RESAMPLES, len(paired)))
    low, high = np.percentile(paired[drawn].mean(axis=1), [2.5, 97.5])
    return Difference(float(paired.mean()), float(low), float(high))
