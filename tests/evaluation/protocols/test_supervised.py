"""The protocols by name: their settings, the images that they train on, what they find."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.files import Files
from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.evaluation import recipes
from ssl_jax.evaluation.classifiers import linear
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.protocols import supervised
from ssl_jax.evaluation.protocols.supervised import train_classifier
from ssl_jax.evaluation.task import Task, make_task
from tests import tiny
from tests.evaluation.tasks import separable

CROPS = "random resized crop 0.08 to 1 and flip"
# (optimizer, Nesterov, peak with 2000 images, schedule, epochs, batch, weight decay)
SETTINGS = {
    "ba_ssl": ("adam", False, 3e-4, "constant", 200, 512, 0),
    "multi_network": ("lars", False, 0.8, "cosine to 0", 90, 256, 0),
    "msbreg": ("sgd", True, 0.8, "cosine to 0", 80, 1024, 0),
    "moco": ("sgd", False, 30, "x 0.1 at epochs 60 and 80", 100, 256, 0),
    "places205": ("sgd", False, 0.2, "x 0.1 at epochs 9.333 and 18.67", 28, 256, 1e-4),
    "inat18": ("sgd", False, 0.2, "x 0.1 at epochs 28 and 56", 84, 256, 1e-4),
    "finetune_1": ("sgd", True, 2.0, "cosine to 0", 50, 1024, 0),
    "finetune_10": ("sgd", True, 0.25, "cosine to 0", 50, 1024, 0),
    "finetune": ("sgd", True, 0.25, "cosine to 0", 30, 1024, 0),
}


@pytest.fixture(scope="module")
def task() -> Task:
    """Four colours: 32 images to fit by, 8 held out, 40 to test."""
    splits = Splits(
        separable(32, classes=4),
        separable(8, classes=4, seed=1),
        separable(40, classes=4, seed=2),
    )
    return make_task(tiny.encoder(), splits, shardings=sharding.make(8), batch_size=40)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_those_of_the_specification(name: str) -> None:
    recipe = getattr(supervised, name).keywords["recipe"]
    found = supervised._describe(recipe, 2000, cached=not recipe.augmentation)
    fields = ("optimizer", "nesterov", "learning_rate", "schedule", "epochs", "batch_size")
    assert tuple(found[field] for field in (*fields, "weight_decay")) == SETTINGS[name]
    assert found["momentum"] == 0.9
    assert found["augmentation"] == ("none (cached features)" if name == "ba_ssl" else CROPS)
    fine_tuned = {"finetune_10": 2.5e-4, "finetune": 2.5e-4}
    assert found["encoder_learning_rate"] == fine_tuned.get(name, 0)
    assert found["encoder"] == ("fine-tuned" if name in fine_tuned else "frozen")
    assert recipe.labels == {"finetune_1": 0.01, "finetune_10": 0.1}.get(name, 1.0)


def test_the_classifier_separates_colours(task: Task) -> None:
    found = supervised.moco(task, 0)
    assert found["top1"] > 0.9
    assert found["top5"] is None
    settings = found["settings"]
    assert settings["batch_size"] == 40
    assert settings["batch_size_cut"] == "256 in the recipe; there are 40 training images"
    assert settings["augmentation"] == CROPS
    assert settings["labels"] == "all 40 training images"


def test_a_scaled_rate_follows_the_batch_as_it_was_cut() -> None:
    settings = supervised._describe(recipes.MSBREG, 40, cached=False)
    assert settings["learning_rate"] == 0.2 * 40 / 256


def test_the_encoder_that_is_judged_is_the_one_that_was_tuned(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = tiny.encoder(seed=1)
    images = task.part("test")
    # Right with the features of the encoder before it was tuned.
    means = [task.encoder(images.images[images.labels == label]).mean(axis=0) for label in range(4)]
    kernel = np.linalg.inv(np.stack(means))
    head = linear.Linear(jax.numpy.asarray(kernel), jax.numpy.zeros(4))
    monkeypatch.setattr(supervised, "train_on_images", lambda *args, **options: (head, tuned))
    tops = {}
    for name, encoder in (("finetune", tuned), ("moco", task.encoder)):
        tops[name] = getattr(supervised, name)(task, 0)["top1"]
        right = (encoder(images.images) @ kernel).argmax(axis=1) == images.labels
        assert tops[name] == pytest.approx(right.mean())
    assert tops["finetune"] < tops["moco"]


def test_cached_features_are_all_training_features(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def train(features: Labelled, *args: Any, **options: Any) -> linear.Linear:
        read.append(features)
        return linear.Linear(jax.numpy.zeros((4, 4)), jax.numpy.arange(4.0))

    def features(task: Task, part: str) -> Labelled:
        read.append(part)
        return given(task, part)

    given = Task.features
    monkeypatch.setattr(Task, "features", features)
    monkeypatch.setattr(supervised, "train_on_features", train)
    found = supervised.multi_network(task, 0, cached=True)
    assert found["settings"]["augmentation"] == "none (cached features)"
    assert found["top1"] == 0.25  # always the last class
    # The test images come after all training.
    first, known, last = read
    assert (first, last) == ("train", "test")
    np.testing.assert_allclose(known.features, task.encoder(task.train().images), atol=1e-5)
    np.testing.assert_array_equal(known.labels, task.train().labels)
    with pytest.raises(UserError, match="fine-tuned has no cached features"):
        supervised.finetune(task, 0, cached=True)


def on_disk(images: Dataset, folder: Path, part: str) -> Dataset:
    """The same images in files PART_0.png, PART_1.png, ..."""
    assert isinstance(images.images, np.ndarray)
    names = tuple(f"{part}_{index}.png" for index in range(len(images.images)))
    for name, image in zip(names, images.images, strict=True):
        Image.fromarray(image).save(folder / name)
    return images._replace(images=Files(str(folder), names, (1,) * len(names), 8, 3))


@pytest.mark.parametrize("cached", [True, False])
def test_only_listed_labels_count(
    task: Task, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def train(*args: Any, **options: Any) -> Any:
        seen.append(args[0] if cached else args[1])
        head = linear.Linear(jax.numpy.zeros((4, 4)), jax.numpy.arange(4.0))
        return head if cached else (head, args[0])

    name = "train_on_features" if cached else "train_on_images"
    monkeypatch.setattr(supervised, name, train)
    file = tmp_path / "1percent.txt"
    file.write_text("holdout_6.png\nfit_3.png\n")
    listing = dataclasses.replace(task, labels=file)
    with pytest.raises(UserError, match="are not image files"):
        supervised.finetune_1(listing, 0)
    splits = Splits(*(on_disk(task.part(p), tmp_path, p) for p in ("fit", "holdout", "test")))
    listing = dataclasses.replace(listing, splits=splits)
    found = supervised.finetune_1(listing, 0, cached=cached)
    expected = "2 of 40 training images: those of the list 1percent.txt"
    assert found["settings"]["labels"] == expected
    assert seen[0].labels.tolist() == [3, 2]
    if cached:
        np.testing.assert_allclose(
            seen[0].features, task.vectors("train")[[3, 38]], rtol=1e-5, atol=1e-6
        )
    else:
        assert seen[0].images.names == ("fit_3.png", "holdout_6.png")


def test_labels_are_drawn_without_a_list(task: Task) -> None:
    with pytest.raises(UserError, match="1% of 40 training images are 0"):
        supervised.finetune_1(task, 0)
    recipe = recipes.FINETUNE_1._replace(labels=0.2, epochs=1)
    found = train_classifier(task, 7, recipe=recipe, cached=True)
    assert found["settings"]["labels"] == (
        "8 of 40 training images: 20% drawn by seed 7, each class giving its share"
    )


def test_ridge_and_tuned_choose_on_the_held_out_images(task: Task) -> None:
    parts = [task.features(part) for part in ("fit", "holdout", "test")]
    probe = linear.ridge(*parts, num_classes=4)
    found = supervised.ridge(task, 0)
    assert (found["top1"], found["settings"]["lambda"]) == (
        probe.accuracy.top1,
        probe.chosen["lambda"],
    )
    probe = linear.sgd_probe(*parts, num_classes=4, seed=3)
    found = supervised.tuned(task, 3)
    assert found["top1"] == probe.accuracy.top1
    assert found["settings"]["learning_rate"] == probe.chosen["learning_rate"]
    assert found["settings"]["weight_decay"] == probe.chosen["weight_decay"]
