"""Schedules of a run whose epochs were raised, against the formulas of the papers."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ssl_jax.configs import byol

from ssl_jax.methods.parts.base import Method
from ssl_jax.setup.build import build
from ssl_jax.setup.components import make_optimizer, make_schedule
from ssl_jax.setup.defaults import base
from ssl_jax.setup.extension import Extension
from ssl_jax.setup.plan import make_plan
from ssl_jax.setup.random_images import random_images

PER_EPOCH = 4
PEAK, WARM, FINAL = 0.3, 8, 0.1  # two epochs of warm-up


def cosine(step: float, steps: int) -> float:
    """Learning rate in a step of a schedule, with warm-up."""
    if step < WARM:
        return PEAK * (1 / WARM + (1 - 1 / WARM) * step / WARM)
    share = (step - WARM) / (steps - WARM)
    return PEAK * (FINAL + (1 - FINAL) * (1 + math.cos(math.pi * share)) / 2)


def rates(epochs: int, *extensions: Extension) -> np.ndarray:
    config = base()
    config.batch_size, config.epochs = 8, epochs
    config.learning_rate, config.optimizer.base_batch = PEAK, 0
    config.optimizer.warmup_epochs, config.optimizer.final_rate = 2.0, FINAL
    plan = make_plan(config, 8 * PER_EPOCH, extensions=extensions)
    schedule = make_schedule(config, plan)
    return np.asarray([schedule(step) for step in range(plan.steps)], np.float64)


# From 10 epochs of 4 steps to 30: what a step should have, for a run that was stopped at `at`.
EXPECTED = {
    "constant": lambda step, at: cosine(min(step, 39), 40),
    "restart": lambda step, at: cosine(step - at, 120 - at),
    "rewind": lambda step, at: cosine(step, 120),
}


@pytest.mark.parametrize("at", [40, 23])  # finished, and partly done
@pytest.mark.parametrize("way", EXPECTED)
def test_the_learning_rate_from_there_on(way: str, at: int) -> None:
    found = rates(30, Extension(at, 10, 30, way))
    expected = [EXPECTED[way](step, at) for step in range(at, 120)]
    np.testing.assert_allclose(found[at:], expected, rtol=2e-6)


def test_a_run_that_is_extended_twice() -> None:
    first = Extension(40, 10, 20, "restart")
    found = rates(30, first, Extension(80, 20, 30, "constant"))
    expected = [cosine(min(step, 79) - 40, 40) for step in range(40, 120)]
    np.testing.assert_allclose(found[40:], expected, rtol=2e-6)
    found = rates(30, first, Extension(80, 20, 30, "restart"))
    np.testing.assert_allclose(found[80:], [cosine(k, 40) for k in range(40)], rtol=2e-6)
    found = rates(30, first, Extension(80, 20, 30, "rewind"))
    np.testing.assert_allclose(found[80:], [cosine(k, 120) for k in range(80, 120)], rtol=2e-6)


def test_without_an_extension_nothing_is_moved() -> None:
    np.testing.assert_allclose(rates(10), [cosine(k, 40) for k in range(40)], rtol=2e-6)


def momentum(step: float, steps: int, start: float) -> float:
    """Grill et al., arXiv 2006.07733, section 3.2."""
    return 1 - (1 - start) * (math.cos(math.pi * step / steps) + 1) / 2


MOMENTA = {
    "constant": lambda step: momentum(min(step, 7), 8, 0.9),
    "restart": lambda step: momentum(step - 8, 16, 0.9),
    "rewind": lambda step: momentum(step, 24, 0.9),
}


@pytest.mark.parametrize("way", MOMENTA)
def test_target_momentum_follows(way: str) -> None:
    config = byol.get_config("tiny")
    config.epochs, config.method.momentum = 6, 0.9
    splits = random_images(config, batches=PER_EPOCH)
    size = len(splits.train.images) // config.batch_size
    assert size == PER_EPOCH
    setup = build(config, splits, [Extension(8, 2, 6, way)])
    shapes = setup.trainer.shapes()
    ones = jax.tree.map(lambda leaf: jnp.ones(leaf.shape, jnp.float32), shapes.params)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.float32), shapes.state)
    for step in (8, 12, 23):
        _, state = setup.model.method.update(ones, zeros, jnp.int32(step))
        moved = {float(leaf.ravel()[0]) for leaf in jax.tree.leaves(state)} - {0.0}
        assert len(moved) == 1  # the target, of which 1 - momentum is now the online network
        np.testing.assert_allclose(1 - moved.pop(), MOMENTA[way](step), atol=2e-6)


def decay(step: float, steps: int) -> float:
    """Weight decay in a step: half a cosine from 0.04 to ten times that, as in DINO's code."""
    return 0.4 + (0.04 - 0.4) * (1 + math.cos(math.pi * step / steps)) / 2


DECAYS = {
    "constant": lambda step, at: decay(min(step, 39), 40),
    "restart": lambda step, at: decay(step - at, 120 - at),
    "rewind": lambda step, at: decay(step, 120),
}


@pytest.mark.parametrize("at", [40, 23])
@pytest.mark.parametrize("way", DECAYS)
def test_weight_decay_follows(way: str, at: int) -> None:
    """Without gradients AdamW moves parameters by rate x decay alone (arXiv 1711.05101)."""
    config = base()
    config.batch_size, config.epochs = 8, 30
    config.learning_rate, config.optimizer.base_batch = PEAK, 0
    config.optimizer.name, config.optimizer.schedule = "adamw", "constant"
    config.optimizer.warmup_epochs = 0.0
    config.optimizer.weight_decay, config.optimizer.final_decay = 0.04, 10.0
    plan = make_plan(config, 8 * PER_EPOCH, extensions=[Extension(at, 10, 30, way)])
    unused: Any = None
    _, optimizer = make_optimizer(config, Method(unused, unused, unused), plan)
    params = {"kernel": jnp.ones((2, 2))}
    zeros = jax.tree.map(jnp.zeros_like, params)

    def advance(state: Any, _: Any) -> Any:
        updates, state = optimizer.update(zeros, state, params)
        return state, -updates["kernel"][0, 1] / PEAK

    _, found = jax.lax.scan(advance, optimizer.init(params), length=plan.steps)
    expected = [DECAYS[way](step, at) for step in range(at, 120)]
    np.testing.assert_allclose(found[at:], expected, rtol=2e-6)
    assert (max(expected) - min(expected) > 0.1) == (way != "constant" or at == 23)


def test_what_a_method_starts_up_with_is_not_repeated_by_a_restart() -> None:
    plan: Any = make_plan(base(), 256 * PER_EPOCH, extensions=[Extension(40, 10, 100, "restart")])
    assert (plan.schedules.first, plan.schedules.start, plan.schedules.length) == (40, 40, 360)
