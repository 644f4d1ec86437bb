"""Optimizers against NumPy loops of the papers' updates."""

import numpy as np
import pytest

from ssl_jax.optim import optimizers
from ssl_jax.optim.schedules import weight_decay
from tests.optim.updates import close, loop, run, schedule
from tests.refusals import refuses


def test_lars_is_the_torch_form():
    def update(p, g, buffer, rate, kernel):
        if kernel:
            g = g + 0.02 * p
            g = g * 0.001 * np.linalg.norm(p) / np.linalg.norm(g)
        buffer = 0.9 * buffer + g
        return p - rate * buffer, buffer

    close(run(optimizers.make("lars", schedule, weight_decay=0.02)), loop(update))


def test_lars_of_optax_has_the_rate_inside_the_buffer():
    def update(p, g, buffer, rate, kernel):
        if kernel:
            g = g + 0.02 * p
            g = g * 0.001 * np.linalg.norm(p) / np.linalg.norm(g)
        buffer = 0.9 * buffer + rate * g
        return p - buffer, buffer

    close(run(optimizers.make("lars_optax", schedule, weight_decay=0.02)), loop(update))


@pytest.mark.parametrize("decay_all", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_decays_kernels_only_unless_told(decay_all, nesterov):
    def update(p, g, buffer, rate, kernel):
        g = g + 0.02 * p * (kernel or decay_all)
        buffer = 0.9 * buffer + g
        return p - rate * (g + 0.9 * buffer if nesterov else buffer), buffer

    options = {"weight_decay": 0.02, "decay_all": decay_all, "nesterov": nesterov}
    close(run(optimizers.make("sgd", schedule, **options)), loop(update))


@pytest.mark.parametrize("decay_all", [False, True])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_couples_the_decay_and_adamw_does_not(name, decay_all):
    second, count = {}, {}

    def update(p, g, buffer, rate, kernel):
        decay = 0.02 * p * (kernel or decay_all)
        g = g + decay * (name == "adam")
        count[kernel] = count.get(kernel, 0) + 1
        buffer = 0.9 * buffer + 0.1 * g
        second[kernel] = 0.99 * second.get(kernel, 0.0) + 0.01 * g * g
        first_hat = buffer / (1 - 0.9 ** count[kernel])
        second_hat = second[kernel] / (1 - 0.99 ** count[kernel])
        step = first_hat / (np.sqrt(second_hat) + 1e-8) + decay * (name == "adamw")
        return p - rate * step, buffer

    options = {"weight_decay": 0.02, "beta2": 0.99, "decay_all": decay_all}
    close(run(optimizers.make(name, schedule, **options)), loop(update))


def test_larc_caps_the_local_rate_at_the_learning_rate():
    for trust in (0.001, 1.0):  # below the cap, and above it

        def update(p, g, buffer, rate, kernel, trust=trust):
            if kernel:
                norm = np.linalg.norm(p)
                local = trust * norm / (np.linalg.norm(g) + 0.02 * norm)
                g = (g + 0.02 * p) * min(local / rate, 1.0)
            buffer = 0.9 * buffer + g
            return p - rate * buffer, buffer

        options = dict(weight_decay=0.02, trust_coefficient=trust)
        close(run(optimizers.make("larc", schedule, **options)), loop(update))


def test_wrong_names_are_refused():
    with refuses("name", "sdg"):
        optimizers.make("sdg", schedule)


@pytest.mark.parametrize("name", ["adamw", "larc"])
def test_weight_decay_may_change_by_step(name):
    decays = [0.02 + 0.18 * (1 - np.cos(np.pi * step / 3)) / 2 for step in range(3)]
    second, count = {}, {}

    def update(p, g, buffer, rate, kernel):
        step = count[kernel] = count.get(kernel, -1) + 1
        decay = decays[step] * kernel
        if name == "larc":
            norm = np.linalg.norm(p)
            local = 0.001 * norm / (np.linalg.norm(g) + decay * norm)
            g = (g + decay * p) * (min(local / rate, 1.0) if kernel else 1.0)
            buffer = 0.9 * buffer + g
            return p - rate * buffer, buffer
        buffer = 0.9 * buffer + 0.1 * g
        second[kernel] = 0.999 * second.get(kernel, 0.0) + 0.001 * g * g
        first_hat = buffer / (1 - 0.9 ** (step + 1))
        second_hat = second[kernel] / (1 - 0.999 ** (step + 1))
        return p - rate * (first_hat / (np.sqrt(second_hat) + 1e-8) + decay * p), buffer

    by_step = weight_decay(0.02, 3, final=10.0)
    close(run(optimizers.make(name, schedule, weight_decay=by_step)), loop(update))
