"""The downscaled paper's study: inputs against their definitions, the MLP against scikit-learn."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from ssl_jax.errors import UserError
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.protocols.downscaled import (
    by_pca,
    by_tsne,
    downscaled,
    draw_bars,
    mlp_accuracy,
)
from tests.evaluation.clusters import clusters
from tests.evaluation.tasks import coloured_splits, tiny_task


@pytest.fixture(autouse=True)
def one_thread():
    """The threads of t-SNE wait for each other in a loop, where others need the cores."""
    with threadpool_limits(1):
        yield


TRAIN, TEST = clusters(60, 30, classes=3, width=6, spread=0.3, seed=0)


def axes(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, principal axes in columns), in float64."""
    rows = rows.astype(np.float64)
    _, vectors = np.linalg.eigh(np.cov(rows.T))
    return rows.mean(axis=0), vectors[:, ::-1]


@pytest.mark.parametrize("jointly", [True, False])
def test_principal_components_are_those_of_the_training_images(jointly: bool) -> None:
    train, test = by_pca(TRAIN.features, TEST.features, jointly=jointly)
    for found, rows, fitted in (
        (train, TRAIN.features, TRAIN.features),
        (test, TEST.features, TRAIN.features if jointly else TEST.features),
    ):
        mean, vectors = axes(fitted)
        expected = (rows - mean) @ vectors
        signs = np.sign(np.sum(found * expected, axis=0))
        np.testing.assert_allclose(found, expected * signs, rtol=1e-3, atol=1e-3)
    assert train.shape == (60, 6) and np.isfinite(test).all()


def test_wide_features_are_reduced_to_50_dimensions() -> None:
    rng = np.random.default_rng(0)
    train, test = by_pca(rng.normal(size=(90, 70)), rng.normal(size=(60, 70)))
    assert train.shape == (90, 50) and test.shape == (60, 50)


def test_joint_places_put_images_of_a_class_together() -> None:
    """Only where both sets were placed together are the nearest of the other set of one's class."""

    def agreement(train: np.ndarray, test: np.ndarray) -> float:
        distances = np.linalg.norm(test[:, None] - train[None], axis=2)
        return float(np.mean(TRAIN.labels[distances.argmin(axis=1)] == TEST.labels))

    joint = by_tsne(TRAIN.features, TEST.features)
    apart = by_tsne(TRAIN.features, TEST.features, jointly=False)
    assert [place.shape for place in (*joint, *apart)] == [(60, 2), (30, 2)] * 2
    assert agreement(*joint) > 0.9 > agreement(*apart)


@pytest.mark.parametrize("scale", [2.0**-80, 2.0**60])
def test_places_do_not_depend_on_the_scale(scale: float) -> None:
    train, test = (images.features[:20] for images in (TRAIN, TEST))
    expected = by_tsne(train, test)
    found = by_tsne((train * scale).astype(np.float32), (test * scale).astype(np.float32))
    for place, other in zip(found, expected, strict=True):
        assert np.isfinite(place).all() and np.array_equal(place, other)


def test_features_that_are_all_the_same_are_refused() -> None:
    same = np.full((40, 3), 0.1, np.float32)
    with pytest.raises(UserError, match="t-SNE needs features that differ"):
        by_tsne(same, same)


def test_the_mlp_is_that_of_scikit_learn() -> None:
    train, test = clusters(120, 90, classes=7, width=5, spread=1.0, seed=1)
    found = mlp_accuracy(train, test, num_classes=8, epochs=5, seed=3)
    mean, deviation = train.features.mean(axis=0), train.features.std(axis=0)
    mlp = MLPClassifier((256,), random_state=3)
    for _ in range(5):  # an epoch a call
        mlp.partial_fit((train.features - mean) / deviation, train.labels, classes=range(7))
    probabilities = mlp.predict_proba((test.features - mean) / deviation)
    order = np.argsort(-probabilities, axis=1)
    top1 = np.mean(order[:, 0] == test.labels)
    top5 = np.mean([label in row[:5] for label, row in zip(test.labels, order, strict=True)])
    assert found == pytest.approx((top1, top5), abs=0.012)  # one image
    assert 0.2 < found.top1 < found.top5 < 1


def test_all_epochs_are_run() -> None:
    """Also where the loss no longer falls, as with features that are all the same."""
    train = Labelled(np.zeros((30, 2), np.float32), np.arange(30) % 3)
    assert mlp_accuracy(train, train, num_classes=3, epochs=30, seed=0).top1 == pytest.approx(1 / 3)


def test_the_study_and_its_picture(tmp_path) -> None:
    task = tiny_task(coloured_splits())
    caps = {"epochs": 20, "train_images": 100, "test_images": 50}
    found = downscaled(task, 0, **caps)
    paper = downscaled(task, 0, paper_way=True, **caps)
    assert found["top1"] == found["features_top1"] == paper["features_top1"]
    assert found["pixels_top1"] == paper["pixels_top1"] > 0.5
    assert found["tsne_top1"] > paper["tsne_top1"]  # whose axes are not comparable
    assert 0.3 < found["top1"] < found["top5"] <= 1
    assert found["settings"]["train_images"] == 100 and found["settings"]["test_images"] == 50
    assert json.loads(json.dumps(found)) == found
    draw_bars(found, tmp_path / "bars.png")
    with Image.open(tmp_path / "bars.png") as picture:
        assert picture.size == (550, 320) and len(picture.convert("RGB").getcolors(10**6)) > 5
