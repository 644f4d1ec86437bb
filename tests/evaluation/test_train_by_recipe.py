"""Training by recipes: the images and labels that count, the encoder that is evaluated."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.files import ImageFiles
from ssl_jax.errors import UserError
from ssl_jax.evaluation import recipes, train_by_recipe
from ssl_jax.evaluation.classifiers.linear_head import LinearHead
from ssl_jax.evaluation.features import Labelled, select
from ssl_jax.evaluation.protocols import finetune, linear
from ssl_jax.evaluation.task import Task
from tests import tiny
from tests.evaluation.tasks import separable_task


@pytest.fixture(scope="module")
def task() -> Task:
    return separable_task()


def test_a_scaled_rate_follows_the_batch_as_it_was_cut() -> None:
    settings = train_by_recipe.describe(recipes.MSBREG, 40, cached=False)
    assert settings["learning_rate"] == 0.2 * 40 / 256


def test_the_encoder_that_is_evaluated_is_the_fine_tuned_one(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = tiny.encoder(seed=1)
    images = task.part("test")
    # A classifier for the features of the encoder before it was fine-tuned.
    means = [task.encoder(images.images[images.labels == label]).mean(axis=0) for label in range(4)]
    kernel = np.linalg.inv(np.stack(means))
    head = LinearHead(jax.numpy.asarray(kernel), jax.numpy.zeros(4))
    monkeypatch.setattr(train_by_recipe, "train_on_images", lambda *args, **options: (head, tuned))
    tops = {}
    for protocol, encoder in ((finetune.finetune, tuned), (linear.moco, task.encoder)):
        tops[protocol] = protocol(task, 0)["top1"]
        right = (encoder(images.images) @ kernel).argmax(axis=1) == images.labels
        assert tops[protocol] == pytest.approx(right.mean())
    assert tops[finetune.finetune] < tops[linear.moco]


def test_cached_features_are_all_training_features(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def train(features: Labelled, *args: Any, **options: Any) -> list[LinearHead]:
        read.append(features)
        return [LinearHead(jax.numpy.zeros((4, 4)), jax.numpy.arange(4.0))]

    def features(task: Task, part: str) -> Labelled:
        read.append(part)
        return given(task, part)

    given = Task.features
    monkeypatch.setattr(Task, "features", features)
    monkeypatch.setattr(train_by_recipe, "train_on_features", train)
    found = linear.multi_network_cached(task, 0)
    assert found["settings"]["augmentation"] == "none (cached features)"
    assert found["top1"] == 0.25  # always the last class
    # The test images come after all training.
    first, known, last = read
    assert (first, last) == ("train", "test")
    np.testing.assert_allclose(known.features, task.encoder(task.train().images), atol=1e-5)
    np.testing.assert_array_equal(known.labels, task.train().labels)
    with pytest.raises(UserError, match="fine-tuned has no cached features"):
        finetune.finetune(task, 0, cached=True)


def on_disk(images: Dataset, folder: Path, part: str) -> Dataset:
    """The same images in files PART_0.png, PART_1.png, ..."""
    assert isinstance(images.images, np.ndarray)
    names = tuple(f"{part}_{index}.png" for index in range(len(images.images)))
    for name, image in zip(names, images.images, strict=True):
        Image.fromarray(image).save(folder / name)
    return images._replace(
        images=ImageFiles(str(folder), names, (1,) * len(names), image_size=8, channels=3)
    )


@pytest.mark.parametrize("cached", [True, False])
def test_only_listed_labels_count(
    task: Task, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def train(*args: Any, **options: Any) -> Any:
        seen.append(select(args[0], args[1][0].rows) if cached else args[1])
        head = LinearHead(jax.numpy.zeros((4, 4)), jax.numpy.arange(4.0))
        return [head] if cached else (head, args[0])

    name = "train_on_features" if cached else "train_on_images"
    monkeypatch.setattr(train_by_recipe, name, train)
    file = tmp_path / "1percent.txt"
    file.write_text("holdout_6.png\nfit_3.png\n")
    listing = dataclasses.replace(task, labels=file)
    with pytest.raises(UserError, match="are not image files"):
        finetune.finetune_1(listing, 0)
    splits = Splits(*(on_disk(task.part(p), tmp_path, p) for p in ("fit", "holdout", "test")))
    listing = dataclasses.replace(listing, splits=splits)
    found = finetune.finetune_1(listing, 0, cached=cached)
    expected = "2 of 40 training images: those listed in 1percent.txt"
    assert found["settings"]["labels"] == expected
    assert seen[0].labels.tolist() == [3, 2]
    if cached:
        np.testing.assert_allclose(
            seen[0].features, np.asarray(task.vectors("train"))[[3, 38]], rtol=1e-5, atol=1e-6
        )
    else:
        assert seen[0].images.names == ("fit_3.png", "holdout_6.png")


def test_labels_are_drawn_without_a_list(task: Task) -> None:
    with pytest.raises(UserError, match="1% of 40 training images are 0"):
        finetune.finetune_1(task, 0)
    recipe = recipes.FINETUNE_1._replace(labels=0.2, epochs=1)
    found = train_by_recipe.train_by_recipe(task, 7, recipe=recipe, cached=True)
    assert found["settings"]["labels"] == (
        "8 of 40 training images: 20% drawn by seed 7, in proportion to the classes"
    )
