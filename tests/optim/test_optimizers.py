"""Schedules against their formulas, optimizers against NumPy loops of the papers' updates."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ssl_jax.errors import UserError
from ssl_jax.optim import optimizers

PARAMS = {
    "kernel": jnp.asarray([[1.0, -2.0], [0.5, 3.0]]),
    "bias": jnp.asarray([0.3, -0.7]),
}
GRADIENTS = [
    {"kernel": jnp.asarray([[0.1, 0.4], [-0.3, 0.2]]), "bias": jnp.asarray([0.5, 0.1])},
    {"kernel": jnp.asarray([[-0.2, 0.1], [0.6, 0.9]]), "bias": jnp.asarray([-0.4, 0.3])},
    {"kernel": jnp.asarray([[0.7, -0.5], [0.1, 0.3]]), "bias": jnp.asarray([0.2, 0.2])},
]


def schedule(step):
    return 0.1 / (1.0 + step)


def run(optimizer):
    params, state = PARAMS, optimizer.init(PARAMS)
    for gradient in GRADIENTS:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params


def loop(update):
    """update(p, g, buffer, rate, is_kernel) -> p, buffer; in float64."""
    final = {}
    for name, value in PARAMS.items():
        p, buffer = np.asarray(value, np.float64), np.zeros(value.shape)
        for step, gradient in enumerate(GRADIENTS):
            g = np.asarray(gradient[name], np.float64)
            p, buffer = update(p, g, buffer, schedule(step), name == "kernel")
        final[name] = p
    return final


def close(actual, expected):
    for name in expected:
        assert np.isfinite(actual[name]).all()
        np.testing.assert_allclose(actual[name], expected[name], rtol=2e-5)


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


def test_warmup_cosine_follows_its_formula_and_its_first_step_moves():
    rate = optimizers.learning_rate(0.4, 100, warmup_steps=10)
    assert float(rate(0)) == pytest.approx(0.04)
    for step in range(10):
        assert float(rate(step)) == pytest.approx(0.04 + 0.36 * step / 10, rel=1e-5)
    for step in range(10, 101):
        expected = 0.2 * (1 + np.cos(np.pi * (step - 10) / 90))
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert float(optimizers.learning_rate(0.4, 100)(0)) == pytest.approx(0.4)


def test_a_cosine_may_end_above_zero_and_other_schedules_drop_or_stay():
    rate = optimizers.learning_rate(0.4, 100, final=0.25)
    assert float(rate(100)) == pytest.approx(0.1)
    drops = dict(schedule="drops", drops=(50, 75), drop_factor=0.2)
    rate = optimizers.learning_rate(0.4, 100, warmup_steps=10, **drops)
    expected = {0: 0.04, 10: 0.4, 49: 0.4, 50: 0.08, 74: 0.08, 75: 0.016, 100: 0.016}
    for step, value in expected.items():
        assert float(rate(step)) == pytest.approx(value), step
    assert float(optimizers.learning_rate(0.4, 100, schedule="constant")(99)) == pytest.approx(0.4)
    with pytest.raises(UserError, match="unknown schedule 'linear': cosine, constant or drops"):
        optimizers.learning_rate(0.4, 100, schedule="linear")


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


def test_frozen_at_first_stays_and_then_follows_the_schedule_without_a_past():
    def update(p, g, buffer, rate, kernel):
        if rate == schedule(0):  # frozen for one step
            return p, buffer
        buffer = 0.9 * buffer + g + 0.02 * p * kernel
        return p - rate * buffer, buffer

    sgd = optimizers.make("sgd", schedule, weight_decay=0.02)
    names = lambda params: jax.tree.map(lambda _: "frozen_at_first", params)  # noqa: E731
    close(run(optimizers.by_group(sgd, sgd, names, freeze_steps=1)), loop(update))


def test_momentum_schedules():
    cosine = optimizers.ema_momentum(0.99, 200, "cosine")
    for step in (0, 50, 100, 200):
        expected = 1 - 0.01 * (np.cos(np.pi * step / 200) + 1) / 2
        assert float(cosine(step)) == pytest.approx(expected, rel=1e-6)
    assert float(optimizers.ema_momentum(0.97, 200)(150)) == pytest.approx(0.97)


def test_groups_keep_freeze_and_follow():
    make = optimizers.make("sgd", schedule, momentum=0.0)
    constant = optimizers.make("sgd", optax.constant_schedule(0.1), momentum=0.0)
    tree = {"a": PARAMS, "b": PARAMS, "c": PARAMS}
    names = {"a": "default", "b": "constant", "c": "frozen"}

    def groups(params):
        return jax.tree.map_with_path(lambda path, _: names[path[0].key], params)

    optimizer = optimizers.by_group(make, constant, groups)
    params, state = tree, optimizer.init(tree)
    for gradient in GRADIENTS:
        updates, state = optimizer.update(dict.fromkeys("abc", gradient), state, params)
        params = optax.apply_updates(params, updates)
    moved = jax.tree.map(lambda *g: sum(g), *GRADIENTS)["bias"]
    faded = sum(schedule(i) * g["bias"] for i, g in enumerate(GRADIENTS))
    np.testing.assert_allclose(params["a"]["bias"], PARAMS["bias"] - faded, rtol=1e-5)
    np.testing.assert_allclose(params["b"]["bias"], PARAMS["bias"] - 0.1 * moved, rtol=1e-5)
    np.testing.assert_array_equal(params["c"]["bias"], PARAMS["bias"])


def test_wrong_names_and_warm_ups_are_refused():
    with pytest.raises(UserError, match="sgd, adam"):
        optimizers.make("sdg", schedule)
    with pytest.raises(UserError, match="constant or cosine"):
        optimizers.ema_momentum(0.9, 10, "linear")
    with pytest.raises(UserError, match="does not fit"):
        optimizers.learning_rate(0.1, 10, warmup_steps=10)
