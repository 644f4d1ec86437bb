"""Some training images of a run with their augmented and fused views."""

from typing import Any

import jax
import numpy as np

from ssl_jax.data import dataset as data
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import FIXED_SEED, draw
from ssl_jax.page.pictures import to_uint8
from ssl_jax.page.run_view import ImageColumn
from ssl_jax.setup.build import Setup
from ssl_jax.training.step import TrainState

SHOWN_IMAGES = 6


def image_columns(
    setup: Setup, settings: dict[str, Any], train: TrainState | None
) -> tuple[ImageColumn, ...]:
    """Training images, their augmented views and, with batch fusion, their fused views.

    Args:
      setup: built from the run's configuration.
      settings: that configuration as JSON.
      train: the trained state; without it there are no fused views.
    """
    fusion = setup.model.fusion if train is not None else None
    # Fusion mixes the images of a batch: make a whole batch, and show a few images of it.
    images = _batch(setup.data.splits.train, settings["batch_size"] if fusion else SHOWN_IMAGES)
    views = jax.jit(setup.model.augment)(jax.random.split(jax.random.key(0), len(images)), images)
    shown = slice(0, SHOWN_IMAGES)
    columns = [ImageColumn("training image", images[shown])]
    for index, view in enumerate(views):
        columns.append(ImageColumn(f"view {index}", to_uint8(np.asarray(view[shown]))))
        if fusion and train and index in settings["fusion"]["views"]:
            fused = np.asarray(jax.jit(fusion.apply)({"params": train.params["fusion"]}, view))
            columns.append(ImageColumn(f"view {index}, fused", to_uint8(fused[shown])))
    return tuple(columns)


def _batch(train: Dataset, count: int) -> np.ndarray:
    """`count` training images, the first few of which are the same for every `count`."""
    size = len(train.images)
    first = sample_rows(train.labels, size, min(count, SHOWN_IMAGES))
    others = np.setdiff1d(sample_rows(train.labels, size, count), first)
    return data.gather(train.images, np.concatenate([first, others])[:count])


def sample_rows(labels: Any, size: int, count: int) -> np.ndarray:
    """At most `count` of the rows 0 to `size` - 1, stratified by label, the same on every call."""
    return draw(labels, size=size, count=min(size, count), seed=FIXED_SEED)
