"""Training of a classifier against descent written out: in float64, or by hand on the network."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ssl_jax.augment.policy import to_float
from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers import trained
from ssl_jax.evaluation.classifiers.descent import Run
from ssl_jax.evaluation.classifiers.trained import train_on_features, train_on_images
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.recipes import Recipe
from ssl_jax.training import feed
from tests import tiny
from tests.evaluation.tasks import separable

CLASSES, EPOCHS, SIZE = 3, 6, 16
IMAGES = separable(SIZE, classes=CLASSES)
ENCODER = tiny.encoder()
# float64: (parameter, gradient, memory, epoch) -> (parameter, memory)
Rule = Callable[[np.ndarray, np.ndarray, Any, int], tuple[np.ndarray, Any]]


def cosine(epoch: int) -> float:
    return (1 + np.cos(np.pi * epoch / EPOCHS)) / 2


def nesterov(p: np.ndarray, g: np.ndarray, memory: Any, epoch: int) -> tuple[np.ndarray, Any]:
    """Rate 0.5 cosine, momentum 0.9, decay 0.1 except of biases."""
    g = g + 0.1 * p * (p.ndim > 1)
    memory = 0.9 * memory + g
    return p - 0.5 * cosine(epoch) * (g + 0.9 * memory), memory


def lars(p: np.ndarray, g: np.ndarray, memory: Any, epoch: int) -> tuple[np.ndarray, Any]:
    """Rate 2 cosine, momentum 0.9, trust ratio 0.001 |p| / |g| except of biases and of p = 0."""
    if p.ndim > 1 and np.linalg.norm(p) > 0:
        g = g * 0.001 * np.linalg.norm(p) / np.linalg.norm(g)
    memory = 0.9 * memory + g
    return p - 2 * cosine(epoch) * memory, memory


def adam(p: np.ndarray, g: np.ndarray, memory: Any, epoch: int) -> tuple[np.ndarray, Any]:
    """Rate 0.01."""
    first, second = (memory, 0.0) if epoch == 0 else memory
    first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
    step = first / (1 - 0.9 ** (epoch + 1))
    step /= np.sqrt(second / (1 - 0.999 ** (epoch + 1))) + 1e-8
    return p - 0.01 * step, (first, second)


def dropped(p: np.ndarray, g: np.ndarray, memory: Any, epoch: int) -> tuple[np.ndarray, Any]:
    """Rate 1, 0.1 from epoch 2 on, 0.01 from epoch 4 on; momentum 0.9."""
    memory = 0.9 * memory + g
    return p - 0.1 ** (epoch // 2) * memory, memory


RULES: dict[Rule, Recipe] = {
    # Scaled: 8 * 16 / 256.
    nesterov: Recipe(8.0, EPOCHS, SIZE, nesterov=True, scaled=True, weight_decay=0.1),
    lars: Recipe(2.0, EPOCHS, SIZE, optimizer="lars"),
    adam: Recipe(0.01, EPOCHS, 1000, optimizer="adam", schedule="constant"),  # a cut batch
    dropped: Recipe(1.0, EPOCHS, SIZE, schedule="drops", drops=(5 / 3, 4.0)),
}


def descent(rule: Rule, features: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """[kernel, bias] of softmax regression from zero, every step on the whole set; float64."""
    x, y = features.astype(np.float64), np.eye(CLASSES)[labels]
    params = [np.zeros((x.shape[1], CLASSES)), np.zeros(CLASSES)]
    memories: list[Any] = [0.0, 0.0]
    for epoch in range(EPOCHS):
        scores = np.exp(x @ params[0] + params[1])
        error = (scores / scores.sum(axis=1, keepdims=True) - y) / len(y)
        for i, gradient in enumerate((x.T @ error, error.sum(axis=0))):
            params[i], memories[i] = rule(params[i], gradient, memories[i], epoch)
    return params


def close(ours: Any, theirs: Any, *, rtol: float, atol: float) -> None:
    def compare(a: Any, b: Any) -> None:
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)

    jax.tree.map(compare, ours, theirs)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """No augmentation; returns the list of the arguments of `make_augment`."""
    asked = []

    def make(specs: Any, shape: Any) -> Any:
        asked.extend([*specs, shape])
        return lambda keys, images: (to_float(images),)

    monkeypatch.setattr(trained, "make_augment", make)
    return asked


def devices(count: int) -> sharding.Shardings:
    return sharding.make(count, jax.devices()[:count])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_on_features_it_is_the_optimizer_of_the_recipe(rule: Rule) -> None:
    features = np.random.default_rng(0).normal(size=(SIZE, 5)).astype(np.float32)
    labels = IMAGES.labels
    assert labels is not None
    known = Labelled(features, labels)
    (head,) = train_on_features(known, [Run(0)], RULES[rule], num_classes=CLASSES)
    expected = descent(rule, features, labels)
    assert np.abs(expected[0]).max() > 0.01
    close([head.kernel, head.bias], expected, rtol=1e-4, atol=1e-6)


def test_a_frozen_encoder_stays_and_gives_the_features(plain: list[Any]) -> None:
    before = jax.tree.map(np.array, ENCODER.variables)
    head, after = train_on_images(
        ENCODER, IMAGES, RULES[nesterov], num_classes=CLASSES, seed=0, shardings=devices(8)
    )
    for variables in (ENCODER.variables, after.variables):
        jax.tree.map(np.testing.assert_array_equal, variables, before)
    assert IMAGES.labels is not None
    expected = descent(nesterov, ENCODER(IMAGES.images), IMAGES.labels)
    close([head.kernel, head.bias], expected, rtol=1e-3, atol=1e-5)
    spec, shape = plain
    assert (spec.size, spec.crop_scale, spec.flip, shape) == (8, (0.08, 1.0), 0.5, (8, 8, 3))
    assert spec.jitter_probability == spec.grey == spec.blur == spec.solarize == 0


def test_encoder_and_classifier_learn_at_their_own_rates(plain: list[Any]) -> None:
    recipe = Recipe(0.3, 3, SIZE, nesterov=True, schedule="constant", encoder_learning_rate=0.05)
    head, tuned = train_on_images(
        ENCODER, IMAGES, recipe, num_classes=CLASSES, seed=0, shardings=devices(1)
    )

    def loss(params: Any, stats: Any) -> Any:
        variables = {"params": params["backbone"], "batch_stats": stats}
        features, changed = ENCODER.backbone.apply(
            variables, jnp.asarray(IMAGES.images) / 255, train=True, mutable=["batch_stats"]
        )
        scores = features @ params["kernel"] + params["bias"][None]
        log_p = jax.nn.log_softmax(scores)[np.arange(SIZE), IMAGES.labels]
        return -log_p.mean(), changed["batch_stats"]

    params: Any = {"backbone": ENCODER.variables["params"]}
    params |= {"kernel": jnp.zeros((4, CLASSES)), "bias": jnp.zeros(CLASSES)}
    stats, memory = ENCODER.variables["batch_stats"], jax.tree.map(jnp.zeros_like, params)
    gradient_of = jax.jit(jax.grad(loss, has_aux=True))
    for _ in range(3):
        gradient, stats = gradient_of(params, stats)
        memory = jax.tree.map(lambda m, g: 0.9 * m + g, memory, gradient)
        for name in params:
            rate = 0.05 if name == "backbone" else 0.3
            params[name] = jax.tree.map(
                lambda p, g, m, rate=rate: p - rate * (g + 0.9 * m),
                *(params[name], gradient[name], memory[name]),
            )
    expected = {"params": params["backbone"], "batch_stats": stats}
    close([head.kernel, head.bias], [params["kernel"], params["bias"]], rtol=1e-3, atol=1e-5)
    close(tuned.variables, expected, rtol=1e-3, atol=1e-5)
    for part in ("params", "batch_stats"):
        change = optax.tree.sub(tuned.variables[part], ENCODER.variables[part])
        assert optax.tree.norm(change) > 1e-3
    assert len(plain) == 2


def test_devices_and_streaming_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    # 12 images a batch: on eight devices four of them take part.
    recipe = Recipe(0.3, 2, 12, encoder_learning_rate=0.05)
    images = separable(24, classes=CLASSES)

    def train(count: int) -> Any:
        head, encoder = train_on_images(
            ENCODER, images, recipe, num_classes=CLASSES, seed=1, shardings=devices(count)
        )
        return jax.device_get((head, encoder.variables))

    one = train(1)
    monkeypatch.setattr(feed, "RESIDENT_BYTES_ON_CPU", 0)
    close(train(8), one, rtol=1e-4, atol=1e-5)


def test_the_result_is_replicated_over_all_devices() -> None:
    recipe, shardings = Recipe(0.1, 1, 12), devices(8)
    options = {"num_classes": CLASSES, "seed": 0, "shardings": shardings}
    parts = train_on_images(ENCODER, IMAGES, recipe, **options)
    leaves = jax.tree.leaves((parts[0], parts[1].variables))
    assert all(leaf.sharding == shardings.replicated for leaf in leaves)
    assert parts[1].step is None


def test_divergence_is_an_error(plain: list[Any]) -> None:
    del plain
    recipe = Recipe(1e38, 3, SIZE, schedule="constant")
    assert IMAGES.labels is not None
    features = Labelled(np.full((SIZE, 2), 1e10, np.float32), IMAGES.labels)
    with pytest.raises(UserError, match="diverged at learning rate 1e"):
        train_on_features(features, [Run(0)], recipe, num_classes=CLASSES)
    broken = dataclasses.replace(
        ENCODER, variables=jax.tree.map(lambda x: x + jnp.nan, ENCODER.variables)
    )
    options = {"num_classes": CLASSES, "seed": 0, "shardings": devices(1)}
    with pytest.raises(UserError, match="diverged at learning rate 1e"):
        train_on_images(broken, IMAGES, recipe, **options)
