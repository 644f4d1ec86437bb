"""Schedules against their formulas."""

import numpy as np
import pytest

from ssl_jax.optim.schedules import ema_momentum, learning_rate, weight_decay
from tests.refusals import refuses


def test_warmup_cosine_follows_its_formula_and_its_first_step_moves():
    rate = learning_rate(0.4, 100, warmup_steps=10)
    assert float(rate(0)) == pytest.approx(0.04)
    for step in range(10):
        assert float(rate(step)) == pytest.approx(0.04 + 0.36 * step / 10, rel=1e-5)
    for step in range(10, 101):
        expected = 0.2 * (1 + np.cos(np.pi * (step - 10) / 90))
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert float(learning_rate(0.4, 100)(0)) == pytest.approx(0.4)


def test_a_cosine_may_end_above_zero_and_other_schedules_drop_or_stay():
    rate = learning_rate(0.4, 100, final=0.25)
    assert float(rate(100)) == pytest.approx(0.1)
    drops = dict(schedule="drops", drops=(50, 75), drop_factor=0.2)
    rate = learning_rate(0.4, 100, warmup_steps=10, **drops)
    expected = {0: 0.04, 10: 0.4, 49: 0.4, 50: 0.08, 74: 0.08, 75: 0.016, 100: 0.016}
    for step, value in expected.items():
        assert float(rate(step)) == pytest.approx(value), step
    assert float(learning_rate(0.4, 100, schedule="constant")(99)) == pytest.approx(0.4)
    with refuses("schedule", "linear"):
        learning_rate(0.4, 100, schedule="linear")


def test_momentum_schedules():
    cosine = ema_momentum(0.99, 200, "cosine")
    for step in (0, 50, 100, 200):
        expected = 1 - 0.01 * (np.cos(np.pi * step / 200) + 1) / 2
        assert float(cosine(step)) == pytest.approx(expected, rel=1e-6)
    assert float(ema_momentum(0.97, 200)(150)) == pytest.approx(0.97)


def test_wrong_names_and_warm_ups_are_refused():
    with refuses("momentum_schedule", "linear"):
        ema_momentum(0.9, 10, "linear")
    with refuses("warmup_steps", 10):
        learning_rate(0.1, 10, warmup_steps=10)


def test_weight_decay_follows_dinos_cosine_or_is_a_number():
    decay = weight_decay(0.04, 200, final=10.0)
    for step in (0, 50, 100, 200):
        expected = 0.4 + 0.5 * (0.04 - 0.4) * (1 + np.cos(np.pi * step / 200))
        assert float(decay(step)) == pytest.approx(expected, rel=1e-5)
    assert weight_decay(0.04, 200) == 0.04
