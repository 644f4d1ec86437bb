"""Tasks: the held-out tenth, features computed once, and images that cannot be used."""

import pytest

from ssl_jax.data.dataset import Splits
from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.evaluation.task import make_task
from tests.evaluation.tasks import coloured, coloured_splits, tiny_task


@pytest.fixture(scope="module")
def task():
    return tiny_task(coloured_splits())


def test_a_fixed_tenth_is_held_out_where_nothing_was(task):
    splits = coloured_splits()._replace(holdout=None)
    common = {"shardings": sharding.make(8), "batch_size": 9}
    made = make_task(task.encoder, splits, **common)
    assert (len(made.part("fit").images), len(made.part("holdout").images)) == (144, 16)
    assert made.batch_size == 16  # 9, rounded up to a multiple of eight devices
    again = make_task(task.encoder, splits, **common)
    assert (made.part("holdout").labels == again.part("holdout").labels).all()
    parts = {"fit": 144, "holdout": 16}
    assert {name: len(made.vectors(name)) for name in parts} == parts
    assert made.vectors("fit") is made.vectors("fit")  # computed once
    features = made.features("train")
    assert features.features.shape == (160, task.encoder.features)
    assert (features.labels == made.train().labels).all()


def test_progress_is_called_before_every_batch(task):
    calls = []
    common = {"shardings": sharding.make(8), "batch_size": 32}
    made = make_task(
        task.encoder, coloured_splits(), progress=lambda *args: calls.append(args), **common
    )
    made.vectors("test")
    assert calls == [("test images encoded", count, 80) for count in (0, 32, 64)]
    made.vectors("test")  # computed once
    assert len(calls) == 3


def test_images_that_cannot_be_evaluated_on(task):
    unlabelled = coloured(20, 1)._replace(labels=None)
    for splits, message in [
        (Splits(unlabelled, None, coloured(20, 2)), "no labels"),
        (Splits(coloured(20, 1), None, None), "no labels"),
    ]:
        with pytest.raises(UserError, match=message):
            make_task(task.encoder, splits, shardings=sharding.make(8))
    grey = coloured(20, 1)
    grey = grey._replace(images=grey.images[..., :1])
    with pytest.raises(UserError, match="images have 1 channels, the encoder takes 3"):
        make_task(task.encoder, Splits(grey, None, grey), shardings=sharding.make(8))
