"""Protocols by name: what is written of them, over one seed and several."""

import statistics

import pytest

from ssl_jax.data.dataset import Splits
from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.evaluation import by_name
from ssl_jax.evaluation.by_name import Protocol
from ssl_jax.evaluation.judge import judge
from ssl_jax.evaluation.task import make_task
from tests.evaluation.tasks import coloured, coloured_splits, tiny_task


@pytest.fixture(scope="module")
def task():
    return tiny_task(coloured_splits())


def test_several_seeds_give_mean_and_deviation(task, monkeypatch):
    scores = {3: 0.25, 5: 0.5, 9: 1.0}
    calls = []

    def protocol(task, seed):
        calls.append(seed)
        return {"top1": scores[seed], "top5": None, "uniformity": -float(seed), "settings": {}}

    monkeypatch.setitem(by_name.PROTOCOLS, "fake", Protocol(protocol))
    found = judge("fake", task, seeds=(3, 5, 9, 3))
    assert calls == [3, 5, 9] == found["seeds"]
    assert found["top1"] == pytest.approx(1.75 / 3)
    assert found["top1_std"] == pytest.approx(statistics.stdev([0.25, 0.5, 1.0]))
    assert found["uniformity"] == pytest.approx(-17 / 3)
    assert found["top5"] is None and "top5_std" not in found
    assert [run["top1"] for run in found["runs"]] == [0.25, 0.5, 1.0]
    assert found["splits"] == {"fit": 160, "holdout": 40, "test": 80}


def test_what_no_seed_changes_runs_once(task, monkeypatch):
    calls = []

    def protocol(task, seed):
        calls.append(seed)
        return {"top1": 0.5, "top5": 0.75, "settings": {}}

    monkeypatch.setitem(by_name.PROTOCOLS, "fake", Protocol(protocol, seeded=False))
    found = judge("fake", task, seeds=(0, 1))
    assert len(calls) == 1 and found["seeds"] == [] and found["runs"] == []


def test_a_fixed_tenth_is_held_out_where_nothing_was(task):
    splits = coloured_splits()._replace(holdout=None)
    common = {"shardings": sharding.make(8), "batch_size": 9}
    made = make_task(task.encoder, splits, **common)
    assert (len(made.part("fit").images), len(made.part("holdout").images)) == (144, 16)
    assert made.batch_size == 16  # what eight devices share evenly
    again = make_task(task.encoder, splits, **common)
    assert (made.part("holdout").labels == again.part("holdout").labels).all()
    parts = {"fit": 144, "holdout": 16}
    assert {name: len(made.vectors(name)) for name in parts} == parts
    assert made.vectors("fit") is made.vectors("fit")  # each image passes the encoder once
    features = made.features("train")
    assert features.features.shape == (160, task.encoder.features)
    assert (features.labels == made.train().labels).all()


def test_progress_is_told_of_every_batch(task):
    told = []
    common = {"shardings": sharding.make(8), "batch_size": 32}
    made = make_task(
        task.encoder, coloured_splits(), progress=lambda *args: told.append(args), **common
    )
    made.vectors("test")
    assert told == [("test", 0, 80), ("test", 32, 80), ("test", 64, 80)]
    made.vectors("test")  # made once
    assert len(told) == 3


def test_images_that_cannot_be_judged_by(task):
    unlabelled = coloured(20, 1)._replace(labels=None)
    for splits, message in [
        (Splits(unlabelled, None, coloured(20, 2)), "no labels"),
        (Splits(coloured(20, 1), None, None), "no labels"),
    ]:
        with pytest.raises(UserError, match=message):
            make_task(task.encoder, splits, shardings=sharding.make(8))
    grey = coloured(20, 1)
    grey = grey._replace(images=grey.images[..., :1])
    with pytest.raises(UserError, match="images have 1 channels, the encoder sees 3"):
        make_task(task.encoder, Splits(grey, None, grey), shardings=sharding.make(8))
