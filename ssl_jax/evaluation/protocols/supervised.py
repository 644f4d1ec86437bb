"""Protocols that train a linear classifier with labels: (task, seed) -> figures and settings.

The recipes choose nothing: they train on all labelled training images, held-out ones too, or on the
share that they name. The test images are read once, after the last epoch.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.files import Files
from ssl_jax.errors import UserError
from ssl_jax.evaluation import recipes
from ssl_jax.evaluation.accuracy import Accuracy
from ssl_jax.evaluation.classifiers import linear
from ssl_jax.evaluation.classifiers.classifier import (
    learning_rate,
    train_on_features,
    train_on_images,
)
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.label_subset import draw_share, listed
from ssl_jax.evaluation.recipes import Recipe
from ssl_jax.evaluation.task import Task

CHOSEN = "by top-1 on the held-out part of the training split; then fitted on all of the split"
NOT_AUGMENTED = "none (cached features)"


def train_classifier(
    task: Task, seed: int, *, recipe: Recipe, cached: bool = False
) -> dict[str, Any]:
    """Figures of the classifier that `recipe` trains; see `Recipe`.

    cached: train it on features of images that are not augmented. They are computed once, which is
      far faster, and it is another protocol; "settings" says which it was.

    Raises:
      UserError: if the training diverges, if the labelled share cannot be had, or if cached
        features are asked for where the encoder learns.
    """
    frozen = recipe.encoder_learning_rate == 0
    cached = cached or not recipe.augmentation
    if cached and not frozen:
        raise UserError("an encoder that is fine-tuned has no cached features")
    dataset = task.train()
    rows, labels = _labelled(dataset, recipe.labels, task.labels, seed)
    common = {"num_classes": task.num_classes, "seed": seed}
    if cached:
        features = Labelled(*(array[rows] for array in task.features("train")))
        head = train_on_features(features, recipe, **common)
    else:
        head, encoder = train_on_images(
            task.encoder, take(dataset, rows), recipe, shardings=task.shardings, **common
        )
        # The features of a frozen encoder are cached.
        task = task if frozen else dataclasses.replace(task, encoder=encoder)
    settings = {**_describe(recipe, len(rows), cached=cached), "labels": labels}
    return _figures(linear.head_accuracy(head, task.features("test")), settings)


def ridge(task: Task, seed: int) -> dict[str, Any]:
    """Figures of ridge regression in closed form; see `linear.ridge`."""
    del seed
    settings = {"classifier": "ridge regression to one-hot labels", "features": "standardised"}
    return _probed(linear.ridge(*_parts(task), num_classes=task.num_classes), settings)


def tuned(task: Task, seed: int) -> dict[str, Any]:
    """Figures of SGD with the best of a grid of settings; see `linear.sgd_probe`."""
    settings = {
        "classifier": "linear, softmax cross-entropy",
        "features": "standardised, divided by the root of their number",
        "optimizer": "sgd",
        "momentum": 0.9,
        "schedule": "cosine to 0",
        "epochs": 100,
        "batch_size": 256,
    }
    probe = linear.sgd_probe(*_parts(task), num_classes=task.num_classes, seed=seed)
    return _probed(probe, settings)


ba_ssl = partial(train_classifier, recipe=recipes.BA_SSL)
multi_network = partial(train_classifier, recipe=recipes.MULTI_NETWORK)
msbreg = partial(train_classifier, recipe=recipes.MSBREG)
moco = partial(train_classifier, recipe=recipes.MOCO)
places205 = partial(train_classifier, recipe=recipes.PLACES205)
inat18 = partial(train_classifier, recipe=recipes.INAT18)
finetune_1 = partial(train_classifier, recipe=recipes.FINETUNE_1)
finetune_10 = partial(train_classifier, recipe=recipes.FINETUNE_10)
finetune = partial(train_classifier, recipe=recipes.FINETUNE)


def _labelled(
    dataset: Dataset, share: float, file: Path | None, seed: int
) -> tuple[Int[np.ndarray, " m"], str]:
    """(indices of the training images whose labels are used, what they are in words)."""
    if dataset.labels is None:
        raise UserError("images with several classes each need --protocol=svm")
    size = len(dataset.labels)
    if share == 1:
        return np.arange(size), f"all {size} training images"
    if file is None:
        rows = draw_share(dataset.labels, share, seed=seed)
        which = f"{share:.0%} drawn by seed {seed}, each class giving its share"
    elif isinstance(dataset.images, Files):
        rows = listed(dataset.images.names, file)
        which = f"those of the list {file.name}"
    else:
        raise UserError(f"{file} lists file names, but the training images are not image files")
    return rows, f"{len(rows)} of {size} training images: {which}"


def _parts(task: Task) -> tuple[Labelled, Labelled, Labelled]:
    return task.features("fit"), task.features("holdout"), task.features("test")


def _probed(probe: linear.Probe, settings: dict[str, Any]) -> dict[str, Any]:
    chosen = {**probe.chosen, "chosen": CHOSEN, "augmentation": NOT_AUGMENTED}
    return _figures(probe.accuracy, {**settings, **chosen})


def _figures(found: Accuracy, settings: dict[str, Any]) -> dict[str, Any]:
    return {"top1": found.top1, "top5": found.top5, "settings": settings}


def _describe(recipe: Recipe, size: int, *, cached: bool) -> dict[str, Any]:
    """The recipe as it was followed with `size` training images."""
    batch_size = min(recipe.batch_size, size)
    frozen = recipe.encoder_learning_rate == 0
    encoder_rate = learning_rate(recipe, recipe.encoder_learning_rate, batch_size)
    drops = " and ".join(f"{epoch:.4g}" for epoch in recipe.drops)
    schedules = {"cosine": "cosine to 0", "drops": f"x 0.1 at epochs {drops}"}
    settings = {
        "classifier": "linear, softmax cross-entropy, from zero",
        "encoder": "frozen" if frozen else "fine-tuned",
        "optimizer": recipe.optimizer,
        "momentum": recipe.momentum,
        "nesterov": recipe.nesterov,
        "learning_rate": learning_rate(recipe, recipe.learning_rate, batch_size),
        "encoder_learning_rate": encoder_rate,
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
