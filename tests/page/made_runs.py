"""Made-up runs to show, in which every part is there and differs from every other."""

import numpy as np

from ssl_jax.methods.parts.base import Expectation
from ssl_jax.page.run_files import RunFiles
from ssl_jax.page.run_view import FeatureMap, FeatureView, ImageColumn, Neighbours, RunView

CLASSES = ("cat", "dog", "bird")
SCORES = {"knn_top1": 0.5, "knn_top5": 0.9, "linear_top1": 0.6}


def colours(*numbers, side=8):
    """Images of one colour each: (number, 0, 255 - number)."""
    images = np.zeros((len(numbers), side, side, 3), np.uint8)
    images[..., 0] = np.reshape(numbers, (-1, 1, 1))
    images[..., 2] = 255 - images[..., 0]
    return images


def run_files(name="first", **changes):
    config = {"method": {"name": "simclr"}, "data": {"name": "toys"}, "seed": 0, "epochs": 2}
    metrics = tuple({"step": e, "epoch": e, "loss": 5 - e, "speed": 1.0} for e in (1.0, 2.0))
    result = {
        "seconds": 61.0,
        "steps": 20,
        "digest": "abc123",
        "device": "1 x abacus",
        "evaluation": {"trained": SCORES, "protocol": {"knn": "by neighbours"}},
    }
    return RunFiles(name, config, metrics, result, ())._replace(**changes)


def feature_view(classes=CLASSES, count=12, seed=0):
    """Queries of each class in turn; query i has colour 20 i; the last is predicted as class 0."""
    labels = np.arange(count) % max(1, len(classes))
    predicted = labels.copy()
    predicted[-1] = 0
    pictures = colours(*(20 * np.arange(count)))
    points = np.random.default_rng(seed).normal(size=(count, 2))
    labelled = bool(classes)
    counts = np.zeros((len(classes), len(classes)), int)
    if labelled:
        np.add.at(counts, (labels, predicted), 1)
    return FeatureView(
        step=20,
        bank_size=100,
        query_count=count,
        query_kind="test images",
        classes=classes,
        neighbours=Neighbours(
            queries=colours(1, 2),
            nearest=np.stack([colours(3, 4, 5), colours(6, 7, 8)]),
            similarities=np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.4]]),
            query_labels=np.array([0, 1]) if labelled else None,
            nearest_labels=np.array([[0, 1, 0], [1, 1, 2]]) if labelled else None,
        ),
        feature_map=FeatureMap(
            points, pictures, labels if labelled else None, predicted if labelled else None
        ),
        confusion=counts if labelled else None,
        spectrum=np.array([10.0, 1.0, 0.1, 0.0]),
        effective_rank=2.5,
    )


def run_view(name="first", **changes):
    columns = (
        ImageColumn("training image", colours(9, 10)),
        ImageColumn("view 0", colours(11, 12)),
    )
    view = RunView(
        run_files(name),
        expectation=Expectation(chance=4.5, low=2.0, high=4.0),
        planned_steps=20,
        warnings=(),
        image_columns=columns,
        features=feature_view(),
    )
    return view._replace(**changes)
