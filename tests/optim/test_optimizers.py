"""Optimizers against NumPy loops of the papers' updates."""

import numpy as np
import pytest

from ssl_jax.optim import optimizers
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


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_couples_the_decay_and_adamw_does_not(name):
    second, count = {}, {}

    def update(p, g, buffer, rate, kernel):
        decay = 0.02 * p * kernel
        g = g + decay * (name == "adam")
        count[kernel] = count.get(kernel, 0) + 1
        buffer = 0.9 * buffer + 0.1 * g
        second[kernel] = 0.99 * second.get(kernel, 0.0) + 0.01 * g * g
        first_hat = buffer / (1 - 0.9 ** count[kernel])
        second_hat = second[kernel] / (1 - 0.99 ** count[kernel])
        step = first_hat / (np.sqrt(second_hat) + 1e-8) + decay * (name == "adamw")
        return p - rate * step, buffer

    close(run(optimizers.make(name, schedule, weight_decay=0.02, beta2=0.99)), loop(update))


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
