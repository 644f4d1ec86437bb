"""Means over seeds and intervals of differences, against loops and closed forms."""

import doctest
import itertools
import math

import numpy as np
import pytest

from experiments.engine import statistics
from experiments.engine.statistics import RESAMPLES, Difference, difference, spread

RNG = np.random.default_rng(7)


def test_examples_give_what_they_show():
    result = doctest.testmod(statistics)
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("count", [2, 3, 7])
def test_mean_and_deviation_are_those_of_a_sample(count):
    values = RNG.normal(50.0, 3.0, count).tolist()
    mean = total = 0.0
    for value in values:
        mean += value / count
    for value in values:
        total += (value - mean) ** 2
    found = spread(values)
    assert found.mean == pytest.approx(mean)
    assert found.deviation == pytest.approx(math.sqrt(total / (count - 1)))
    assert found.count == count


def test_one_seed_has_neither_deviation_nor_interval():
    assert spread([3.5]) == (3.5, None, 1)
    found = difference({4: 3.5}, {4: 1.0})
    assert found == Difference(2.5, None, None) and not found.clear


def by_loop(paired):
    """The interval of `difference`: means of resampled differences, sorted, read off in between."""
    draws = np.random.default_rng(0).integers(0, len(paired), (RESAMPLES, len(paired)))
    means = []
    for draw in draws:
        means.append(sum(paired[place] for place in draw) / len(paired))
    means.sort()

    def at(share):
        place = share * (len(means) - 1)
        below = math.floor(place)
        return means[below] + (place - below) * (means[below + 1] - means[below])

    return at(0.025), at(0.975)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_an_interval_is_that_of_a_loop(count):
    ours = dict(enumerate(RNG.normal(51.0, 2.0, count).tolist()))
    theirs = dict(enumerate(RNG.normal(50.0, 2.0, count).tolist()))
    low, high = by_loop([ours[seed] - theirs[seed] for seed in range(count)])
    found = difference(ours, theirs)
    assert found.mean == pytest.approx(sum(ours.values()) / count - sum(theirs.values()) / count)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_an_interval_of_few_seeds_is_that_of_all_resamples(count):
    paired = RNG.normal(0.0, 1.0, count).tolist()
    # All count^count resamples, of which the bootstrap draws some.
    means = sorted(sum(drawn) / count for drawn in itertools.product(paired, repeat=count))
    low, high = (means[math.floor(share * len(means))] for share in (0.025, 0.975))
    found = difference(dict(enumerate(paired)), dict.fromkeys(range(count), 0.0))
    near = 0.02 * (max(paired) - min(paired))
    assert (found.low, found.high) == pytest.approx((low, high), abs=near)


def test_of_two_or_three_seeds_an_interval_is_from_the_least_to_the_largest():
    # The least alone is drawn in 1/4 and 1/27 of the resamples, more than 2.5 %.
    for paired in ([1.0, -2.0], [4.0, 0.5, 3.0]):
        found = difference(dict(enumerate(paired)), dict.fromkeys(range(len(paired)), 0.0))
        assert (found.low, found.high) == (min(paired), max(paired))


def test_of_many_seeds_an_interval_is_that_of_the_normal_distribution():
    paired = RNG.normal(0.3, 2.0, 400)
    error = 1.96 * paired.std() / math.sqrt(len(paired))
    found = difference(dict(enumerate(paired)), dict.fromkeys(range(len(paired)), 0.0))
    expected = (paired.mean() - error, paired.mean() + error)
    assert (found.low, found.high) == pytest.approx(expected, abs=0.05 * error)


def test_what_a_seed_does_to_both_rows_cancels():
    theirs = {0: 10.0, 1: 70.0, 2: 40.0}
    found = difference({seed: value + 1.0 for seed, value in theirs.items()}, theirs)
    assert found == (1.0, 1.0, 1.0) and found.clear


def test_the_other_way_round_an_interval_is_its_mirror_image():
    ours, theirs = {0: 1.0, 1: 4.0, 2: 2.0}, {0: 2.0, 1: 1.0, 2: 1.5}
    there, back = difference(ours, theirs), difference(theirs, ours)
    assert (-back.mean, -back.high, -back.low) == pytest.approx((there.mean, there.low, there.high))


def test_only_seeds_of_both_rows_count():
    ours, theirs = {0: 1.0, 1: 3.0, 5: 1000.0}, {1: 2.0, 0: 1.0, 7: -1000.0}
    assert difference(ours, theirs) == (0.5, 0.0, 1.0)
    assert difference({0: 1.0, 1: 2.0}, {1: 1.0}) == Difference(1.0)
    assert difference({0: 1.0}, {1: 1.0}) is None
    assert difference({}, {1: 1.0}) is None


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [(0.1, 2.0, True), (-2.0, -0.1, True), (-0.1, 2.0, False), (0.0, 2.0, False)],
)
def test_a_difference_is_clear_where_its_interval_leaves_out_zero(low, high, clear):
    assert Difference((low + high) / 2, low, high).clear is clear
