"""Runs to show that were never run: every part is there, and can be told from every other."""

import numpy as np

from ssl_jax.methods.parts.base import Expectation
from ssl_jax.page.exhibits import Column, Exhibit, Look, Neighbours, Points
from ssl_jax.page.workdir import Record

CLASSES = ("cat", "dog", "bird")
SCORES = {"knn_top1": 0.5, "knn_top5": 0.9, "linear_top1": 0.6}


def colours(*numbers, side=8):
    """Images of one colour each: (number, 0, 255 - number)."""
    images = np.zeros((len(numbers), side, side, 3), np.uint8)
    images[..., 0] = np.reshape(numbers, (-1, 1, 1))
    images[..., 2] = 255 - images[..., 0]
    return images


def record(name="first", **changes):
    config = {"method": {"name": "simclr"}, "data": {"name": "toys"}, "seed": 0, "epochs": 2}
    metrics = tuple({"step": e, "epoch": e, "loss": 5 - e, "speed": 1.0} for e in (1.0, 2.0))
    result = {
        "seconds": 61.0,
        "steps": 20,
        "digest": "abc123",
        "device": "1 x abacus",
        "evaluation": {"trained": SCORES, "protocol": {"knn": "by neighbours"}},
    }
    return Record(name, config, metrics, result, ())._replace(**changes)


def look(classes=CLASSES, count=12, seed=0):
    """Queries of the classes in turn; number i has colour 20 i; the last is taken for class 0."""
    labels = np.arange(count) % max(1, len(classes))
    predicted = labels.copy()
    predicted[-1] = 0
    pictures = colours(*(20 * np.arange(count)))
    places = np.random.default_rng(seed).normal(size=(count, 2))
    known = bool(classes)
    counts = np.zeros((len(classes), len(classes)), int)
    if known:
        np.add.at(counts, (labels, predicted), 1)
    return Look(
        step=20,
        bank=100,
        queries=count,
        kind="test images",
        classes=classes,
        neighbours=Neighbours(
            queries=colours(1, 2),
            nearest=np.stack([colours(3, 4, 5), colours(6, 7, 8)]),
            similarities=np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.4]]),
            labels=np.array([0, 1]) if known else None,
            nearest_labels=np.array([[0, 1, 0], [1, 1, 2]]) if known else None,
        ),
        points=Points(places, pictures, labels if known else None, predicted if known else None),
        confusion=counts if known else None,
        spectrum=np.array([10.0, 1.0, 0.1, 0.0]),
        rank=2.5,
    )


def exhibit(name="first", **changes):
    columns = (Column("training image", colours(9, 10)), Column("view 0", colours(11, 12)))
    shown = Exhibit(
        record(name),
        expectation=Expectation(chance=4.5, low=2.0, high=4.0),
        steps=20,
        warnings=(),
        columns=columns,
        look=look(),
    )
    return shown._replace(**changes)
