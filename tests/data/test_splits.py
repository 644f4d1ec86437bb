"""Which images are set aside."""

import math

import numpy as np
import pytest

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import draw, draw_aside, set_aside, split, with_test
from tests.data.numbered import SIZES, numbered
from tests.refusals import refuses


def numbers(dataset):
    return dataset.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("count", [1, 7, 20, 37, 80])
def test_every_class_contributes_its_share(count):
    labels = numbered().labels
    chosen = draw(labels, size=80, count=count, seed=3)
    assert len(set(chosen.tolist())) == count
    for label, size in enumerate(SIZES):
        share = count * size / 80
        assert math.floor(share) <= np.sum(labels[chosen] == label) <= math.ceil(share)


def test_equal_classes_share_the_remainder_at_random():
    labels = np.arange(100, dtype=np.int32) % 10
    favoured = {
        tuple(np.bincount(labels[draw(labels, size=100, count=15, seed=seed)])) for seed in range(8)
    }
    assert len(favoured) > 1
    assert all(sorted(counts) == [1] * 5 + [2] * 5 for counts in favoured)


def test_images_of_a_class_are_drawn_at_random():
    labels = np.zeros(50, np.int32)
    draws = [set(draw(labels, size=50, count=10, seed=seed).tolist()) for seed in range(40)]
    assert set.union(*draws) == set(range(50))


def test_the_holdout_is_the_same_for_every_seed_and_limit():
    train = numbered()
    parts = [split(train, holdout=16, limit=limit, seed=s) for s in (0, 1) for limit in (0, 20)]
    held = [numbers(kept) for _, kept in parts]
    assert all(part == held[0] for part in held)
    assert np.bincount(parts[0][1].labels).tolist() == [8, 5, 2, 1]
    for rest, kept in parts:
        assert not set(numbers(rest)) & set(numbers(kept))
        for part in (rest, kept):  # labels follow their images
            np.testing.assert_array_equal(part.labels, train.labels[numbers(part)])
    assert sorted(numbers(parts[0][0]) + held[0]) == list(range(80))


def test_the_limit_is_drawn_by_the_seed():
    train = numbered()
    first, again, other = (
        numbers(split(train, holdout=0, limit=20, seed=seed)[0]) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(set(first)) == len(set(other)) == 20


def test_an_unlabelled_set_is_split_as_well():
    rest, kept = split(numbered(labelled=False), holdout=10, limit=30, seed=0)
    assert len(set(numbers(rest)) | set(numbers(kept))) == 40
    assert rest.labels is None and kept.labels is None


def test_without_a_holdout_the_second_part_is_none():
    train, kept = split(numbered(), holdout=0, limit=0, seed=0)
    assert kept is None and numbers(train) == list(range(80))


@pytest.mark.parametrize(
    ("holdout", "limit", "key", "rule"),
    [
        (80, 0, "holdout", "some of the 80 training images"),
        (-1, 0, "holdout", "some of the 80 training images"),
        (0, 81, "limit", "must be 0 (all) or at most 80,"),
        (10, 71, "limit", "must be 0 (all) or at most 70,"),
        (0, -1, "limit", "must be 0 (all) or at most 80,"),
    ],
)
def test_numbers_of_images_out_of_range_are_refused(holdout, limit, key, rule):
    with refuses(key, {"holdout": holdout, "limit": limit}[key]) as caught:
        split(numbered(), holdout=holdout, limit=limit, seed=0)
    assert rule in str(caught.value)


def test_a_tenth_of_a_labelled_set_becomes_the_test_set():
    train, test = with_test(numbered())
    assert (len(train.images), len(test.images)) == (72, 8)
    assert with_test(numbered(labelled=False))[1] is None


def test_skipped_files_are_listed_once():
    rest, chosen = set_aside(numbered(), 8)
    assert rest.skipped == ("broken.png",) and chosen.skipped == ()


def test_the_last_image_of_a_class_is_never_set_aside():
    labels = np.repeat(np.arange(4), [1, 2, 5, 92]).astype(np.int32)
    for count in (10, 50, 96, 100):
        aside = draw_aside(labels, size=100, count=count)
        left = np.bincount(np.delete(labels, aside), minlength=4)
        assert len(aside) == min(count, 96) and (left > 0).all()


def test_classes_with_too_few_images_stay_in_train_and_are_named():
    labels = np.repeat(np.arange(3), [1, 30, 30]).astype(np.int32)
    images = np.arange(61, dtype=np.uint8).reshape(61, 1, 1, 1)
    train, test = with_test(Dataset(images, labels, ("rare", "cat", "dog")))
    assert (0 in train.labels) and (0 not in test.labels)
    assert train.notes == (
        "1 class has too few images for the test set and stays in train: rare (1)",
    )
    assert test.origin == "10 % of train, seed 0" and len(test.images) == 7
    alone = Dataset(images[:3], np.arange(3, dtype=np.int32), ("a", "b", "c"))
    train, test = with_test(alone)
    assert test is None and len(train.images) == 3


def test_a_holdout_leaves_an_image_of_every_class():
    with refuses("holdout", 77) as caught:
        split(numbered(), holdout=77, limit=0, seed=0)
    assert "one of each of the 4 classes" in str(caught.value)
    rest, kept = split(numbered(), holdout=76, limit=0, seed=0)
    assert np.bincount(rest.labels).tolist() == [1, 1, 1, 1] and len(kept.images) == 76
    assert kept.origin == "95 % of train, seed 0"
