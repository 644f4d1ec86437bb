"""The metrics of geometry against float64 loops."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.augment.policy import ViewSpec, make_augment
from ssl_jax.data.dataset import Splits, take
from ssl_jax.errors import UserError
from ssl_jax.evaluation.protocols.geometry import geometry, spectrum, uniformity, view_distances
from ssl_jax.health.representation import feature_std, rankme
from ssl_jax.losses import uniformity as loss
from tests.evaluation.tasks import coloured_splits, tiny_task

RNG = np.random.default_rng(0)


def unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# More rows than a block, and not a multiple of it.
@pytest.mark.parametrize("count", [2, 300])
def test_uniformity_is_that_of_a_loop(count: int) -> None:
    features = (RNG.normal(size=(count, 5)) + 0.5).astype(np.float32)
    x = unit(features)
    terms = [
        math.exp(-2 * float(np.sum((x[i] - x[j]) ** 2))) for i in range(count) for j in range(i)
    ]
    found = uniformity(features)
    assert found == pytest.approx(math.log(np.mean(terms)), abs=1e-5)
    assert found == pytest.approx(float(loss(features)), abs=1e-5)
    assert -4 < found < -0.2


def test_spectrum_is_that_of_the_covariance() -> None:
    features = (RNG.normal(size=(40, 4)) * [1, 2, 3, 0] + 5).astype(np.float32)
    found = spectrum(features)
    assert np.isfinite(found).all() and (np.diff(found) <= 0).all()
    for value in found:  # an eigenvalue makes the characteristic polynomial 0
        covariance = np.cov(features.astype(np.float64).T)
        assert np.linalg.det(covariance - value * np.eye(4)) == pytest.approx(0, abs=1e-8)
    assert found.sum() == pytest.approx(np.var(features, axis=0, ddof=1).sum(), rel=1e-5)
    assert found[3] == pytest.approx(0, abs=1e-9) and found[2] > 0.5


@pytest.mark.parametrize("crop", [1.0, 0.5])
def test_views_are_seen_whole(crop: float) -> None:
    task = tiny_task(coloured_splits(), crop=crop)
    view = ViewSpec(8)
    found = view_distances(task, view, seed=3)
    images = task.part("test").images
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.key(3), row))(jnp.arange(80))
    views = jax.jit(make_augment([view, view], (8, 8, 3)))(keys, jnp.asarray(images))
    apply = jax.jit(
        lambda images: task.encoder.backbone.apply(task.encoder.variables, images, train=False)
    )
    first, second = (unit(np.asarray(apply(v))) for v in views)
    expected = np.sqrt(np.sum((first - second) ** 2, axis=1))
    assert np.isfinite(found).all() and expected.min() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    other = view_distances(task, view, seed=4)
    assert not np.allclose(other, found, rtol=0.05)


def test_geometry_of_a_task() -> None:
    task = tiny_task(coloured_splits())
    found = geometry(task, 0)
    features, labels = task.features("test")
    features = np.asarray(features)
    x = unit(features)
    similarities = x @ x.T
    np.fill_diagonal(similarities, -np.inf)
    nearest = np.mean(labels[np.argmax(similarities, axis=1)] == labels)
    assert found["nearest_neighbour_top1"] == pytest.approx(nearest) and 0.2 < nearest < 1
    distances = view_distances(task, ViewSpec(8), seed=0)
    assert found["alignment"] == pytest.approx(np.mean(distances**2.0), rel=1e-5)
    assert found["uniformity"] == uniformity(features)
    assert found["effective_rank"] == rankme(features)
    assert found["feature_std_ratio"] == pytest.approx(feature_std(features) * math.sqrt(8))
    assert found["spectrum"] == spectrum(features).tolist() and len(found["spectrum"]) == 8
    assert found["settings"]["images"] == 80
    json.dumps(found)


def test_one_image_has_no_geometry() -> None:
    splits = coloured_splits()
    one = Splits(splits.train, splits.holdout, take(splits.test, np.arange(1)))
    with pytest.raises(UserError, match="needs at least 2 test images"):
        geometry(tiny_task(one), 0)
