"""What the report shows of a run beyond its files: its views, and what its features look like."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ssl_jax.data import dataset as data
from ssl_jax.data.dataset import Dataset, Images
from ssl_jax.data.join import join
from ssl_jax.evaluation.classifiers.knn import KNN_K
from ssl_jax.evaluation.features import extract
from ssl_jax.evaluation.protocols.geometry import spectrum
from ssl_jax.health.representation import rankme
from ssl_jax.page import exhibits
from ssl_jax.page.exhibits import Column, Look, Neighbours, Points
from ssl_jax.page.pictures import to_uint8
from ssl_jax.run.frozen import frozen_encoder
from ssl_jax.setup.build import Setup
from ssl_jax.training.step import TrainState

SHOWN_IMAGES = 6
SHOWN_QUERIES, SHOWN_NEIGHBOURS = 8, 6
# Enough to see by; encoding more would take a CPU minutes, and drawing more a browser.
BANK, QUERIES, POINTS = 10_000, 2_000, 1_000


def views(setup: Setup, settings: dict[str, Any], train: TrainState | None) -> tuple[Column, ...]:
    """Some training images, their augmented views and, where there is batch fusion, fused ones.

    Args:
      setup: as `build` makes it.
      settings: its configuration.
      train: the trained state; without one nothing is fused.
    """
    fusion = setup.model.fusion if train is not None else None
    # Images fuse with the others of their batch: a whole one is made, and a few of it are shown.
    images = _batch(setup.data.splits.train, settings["batch_size"] if fusion else SHOWN_IMAGES)
    made = jax.jit(setup.model.augment)(jax.random.split(jax.random.key(0), len(images)), images)
    shown = slice(0, SHOWN_IMAGES)
    columns = [Column("training image", images[shown])]
    for index, view in enumerate(made):
        columns.append(Column(f"view {index}", to_uint8(np.asarray(view[shown]))))
        if fusion and train and index in settings["fusion"]["views"]:
            fused = np.asarray(jax.jit(fusion.apply)({"params": train.params["fusion"]}, view))
            columns.append(Column(f"view {index}, fused", to_uint8(fused[shown])))
    return tuple(columns)


def _batch(train: Dataset, count: int) -> np.ndarray:
    """`count` training images, the first few of which do not depend on `count`."""
    size = len(train.images)
    first = _draw(train.labels, size, min(count, SHOWN_IMAGES))
    others = np.setdiff1d(_draw(train.labels, size, count), first)
    return data.gather(train.images, np.concatenate([first, others])[:count])


class _Asked(NamedTuple):
    """Images with their features; labels where bank and queries have them."""

    images: Images
    labels: Int[np.ndarray, " n"] | None
    features: Float[np.ndarray, "n d"]


def look(setup: Setup, train: TrainState) -> Look:
    """Neighbours, map, confusions and spectrum of the features of images not trained on.

    Of the test images; of held-out ones where there are none; of training images, which are then
    no part of the bank, where there are neither.
    """
    bank, queries, kind = _chosen(setup)
    labelled = bank.labels is not None and queries.labels is not None
    classes = bank.classes if labelled else ()
    encode = frozen_encoder(setup.model)(train)

    def asked(dataset: Dataset) -> _Asked:
        features = extract(
            encode, dataset.images, batch_size=setup.plan.encode_batch, shardings=setup.shardings
        )
        return _Asked(dataset.images, dataset.labels if labelled else None, features)

    known, unknown = asked(bank), asked(queries)
    rows, similarities = exhibits.nearest(known.features, unknown.features, KNN_K)
    predicted = counts = None
    if known.labels is not None and unknown.labels is not None:
        predicted = exhibits.vote(known.labels[rows], similarities, len(classes))
        counts = exhibits.confusion(unknown.labels, predicted, len(classes))
    several = len(unknown.features) > 1
    return Look(
        step=int(train.step),
        bank=len(known.images),
        queries=len(unknown.images),
        kind=kind,
        classes=classes,
        neighbours=_neighbours(known, unknown, rows, similarities),
        points=_points(unknown, predicted),
        confusion=counts,
        spectrum=spectrum(unknown.features) if several else np.zeros(1),
        rank=rankme(unknown.features),
    )


def _chosen(setup: Setup) -> tuple[Dataset, Dataset, str]:
    """(the bank, the images that are asked about, what those are)."""
    splits = setup.data.splits
    bank, held, queries, kind = splits.bank, splits.holdout, splits.test, "test images"
    if queries is not None and held is not None:
        bank = join(bank, held)  # as in the evaluation of the run
    elif queries is None and held is not None:
        queries, kind = held, "held-out images"
    elif queries is None:
        bank, queries = data.set_aside(bank, max(1, min(QUERIES, len(bank.images) // 10)))
        kind = "training images"
    return _some(bank, BANK), _some(queries, QUERIES), kind


def _some(dataset: Dataset, count: int) -> Dataset:
    """At most `count` of the images, the same on every call."""
    return data.take(dataset, _draw(dataset.labels, len(dataset.images), count))


def _draw(labels: Any, size: int, count: int) -> np.ndarray:
    return data.draw(labels, size=size, count=min(size, count), seed=data.FIXED_SEED)


def _neighbours(
    known: _Asked, unknown: _Asked, rows: np.ndarray, similarities: np.ndarray
) -> Neighbours:
    chosen = _draw(unknown.labels, len(unknown.images), SHOWN_QUERIES)
    found = rows[chosen, :SHOWN_NEIGHBOURS]
    return Neighbours(
        queries=data.gather(unknown.images, chosen),
        nearest=np.stack([data.gather(known.images, row) for row in found]),
        similarities=similarities[chosen, :SHOWN_NEIGHBOURS],
        labels=None if unknown.labels is None else unknown.labels[chosen],
        nearest_labels=None if known.labels is None else known.labels[found],
    )


def _points(unknown: _Asked, predicted: np.ndarray | None) -> Points | None:
    chosen = _draw(unknown.labels, len(unknown.images), POINTS)
    places = exhibits.places(unknown.features[chosen])
    if places is None:
        return None
    return Points(
        places=places,
        pictures=data.gather(unknown.images, chosen),
        labels=None if unknown.labels is None else unknown.labels[chosen],
        predicted=None if predicted is None else predicted[chosen],
    )
