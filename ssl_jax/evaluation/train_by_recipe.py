"""Protocols that train a linear classifier with labels, according to a paper's recipe.

Recipes choose nothing: they train on all labelled training images, including held-out ones, or on
the share that they name. The test images are read once, after the last epoch.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.files import ImageFiles
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.descent import Run
from ssl_jax.evaluation.classifiers.linear_head import head_accuracies, head_accuracy
from ssl_jax.evaluation.classifiers.trained import train_on_features, train_on_images
from ssl_jax.evaluation.label_subset import draw_share, listed
from ssl_jax.evaluation.recipes import Recipe
from ssl_jax.evaluation.task import NEEDS_SINGLE_LABELS, NOT_AUGMENTED, Task


def train_by_recipe(
    task: Task, seed: int, *, recipe: Recipe, cached: bool = False
) -> dict[str, Any]:
    """Trains a linear classifier as `recipe` says.

    Args:
      task: the encoder and the images.
      seed: of the training and of the labelled share that is drawn.
      recipe: how to train.
      cached: train on features of images without augmentation. They are computed once, which is
        far faster, but it is a different protocol; "settings" say which of the two it was.

    Returns:
      top1 and top5 on the test images; settings: how the classifier was trained.

    Raises:
      UserError: if the training diverges, if the labelled share cannot be drawn, or if cached
        features are requested although the encoder is fine-tuned.
    """
    if cached or not recipe.augmentation:
        return train_cached(task, [seed], recipe=recipe)[0]
    dataset = task.train()
    rows, labels = _labelled(dataset, recipe.labels, task.labels, seed)
    head, encoder = train_on_images(
        task.encoder,
        take(dataset, rows),
        recipe,
        num_classes=task.num_classes,
        seed=seed,
        shardings=task.shardings,
    )
    # The features of a frozen encoder are those that the task has cached.
    frozen = recipe.encoder_learning_rate == 0
    task = task if frozen else dataclasses.replace(task, encoder=encoder)
    settings = {**describe(recipe, len(rows), cached=False), "labels": labels}
    return {**head_accuracy(head, task.features("test"))._asdict(), "settings": settings}


def train_cached(task: Task, seeds: Sequence[int], *, recipe: Recipe) -> list[dict[str, Any]]:
    """As `train_by_recipe` on cached features, all seeds in one program.

    Returns:
      The result for each of the seeds.

    Raises:
      UserError: as `train_by_recipe`.
    """
    if recipe.encoder_learning_rate != 0:
        raise UserError("an encoder that is fine-tuned has no cached features")
    train = task.features("train")
    chosen = [_labelled(task.train(), recipe.labels, task.labels, seed) for seed in seeds]
    whole = recipe.labels == 1
    runs = [
        Run(seed, None if whole else rows) for seed, (rows, _) in zip(seeds, chosen, strict=True)
    ]
    what, total = f"epochs of {recipe.optimizer} on features", recipe.epochs
    heads = train_on_features(
        train,
        runs,
        recipe,
        num_classes=task.num_classes,
        progress=lambda epoch: task.progress(what, epoch, total),
    )
    found = head_accuracies(heads, task.features("test"))
    return [
        {
            **accuracy._asdict(),
            "settings": {**describe(recipe, len(rows), cached=True), "labels": labels},
        }
        for accuracy, (rows, labels) in zip(found, chosen, strict=True)
    ]


def describe(recipe: Recipe, size: int, *, cached: bool) -> dict[str, Any]:
    """The recipe as it was followed with `size` training images."""
    batch_size = min(recipe.batch_size, size)
    frozen = recipe.encoder_learning_rate == 0
    drops = " and ".join(f"{epoch:.4g}" for epoch in recipe.drops)
    schedules = {"cosine": "cosine to 0", "drops": f"x 0.1 at epochs {drops}"}
    settings = {
        "classifier": "linear, softmax cross-entropy, from zero",
        "encoder": "frozen" if frozen else "fine-tuned",
        "optimizer": recipe.optimizer,
        "momentum": recipe.momentum,
        "nesterov": recipe.nesterov,
        "learning_rate": recipe.peak(recipe.learning_rate, batch_size),
        "encoder_learning_rate": recipe.peak(recipe.encoder_learning_rate, batch_size),
        "schedule": schedules.get(recipe.schedule, recipe.schedule),
        "epochs": recipe.epochs,
        "batch_size": batch_size,
        "weight_decay": recipe.weight_decay,
        "augmentation": NOT_AUGMENTED if cached else "random resized crop 0.08 to 1 and flip",
        "figures": "of the last epoch",
    }
    if batch_size < recipe.batch_size:
        note = f"{recipe.batch_size} in the recipe; there are {size} training images"
        settings["batch_size_cut"] = note
    return settings


def _labelled(
    dataset: Dataset, share: float, file: Path | None, seed: int
) -> tuple[Int[np.ndarray, " m"], str]:
    """(indices of the training images whose labels are used, their description)."""
    if dataset.labels is None:
        raise UserError(NEEDS_SINGLE_LABELS)
    size = len(dataset.labels)
    if share == 1:
        return np.arange(size), f"all {size} training images"
    if file is None:
        rows = draw_share(dataset.labels, share, seed=seed)
        which = f"{share:.0%} drawn by seed {seed}, in proportion to the classes"
    elif isinstance(dataset.images, ImageFiles):
        rows = listed(dataset.images.names, file)
        which = f"those listed in {file.name}"
    else:
        raise UserError(f"{file} lists file names, but the training images are not image files")
    return rows, f"{len(rows)} of {size} training images: {which}"
