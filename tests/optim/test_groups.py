"""Groups of parameters that follow different optimizers, or none for a while."""

from functools import partial

import jax
import numpy as np
import optax
import pytest

from ssl_jax.optim import optimizers
from ssl_jax.optim.groups import by_group, frozen_until
from tests.optim.updates import GRADIENTS, PARAMS

STEPS, FROZEN, DECAY = 20, 7, 0.02


def rate(step):
    return 0.03 * (1.0 - step / 40)


def rising(step):
    return DECAY * (1.0 + step / 4)


def torch_updates(name, p, gradients, kernel, decay_at):
    """The parameter after each step in float64, where torch skips it without a gradient.

    Such as torch's own loops: the state of a parameter, its number of updates among it, is made
    by the first update that has a gradient; rate and decay are those of the step of the run.
    """
    moments, count, values = [0.0, 0.0], 0, []
    for step, g in enumerate(gradients):
        if step >= FROZEN:
            count += 1
            decay = decay_at(step) * p * kernel
            if name in ("adam", "adamw"):
                g = g + decay * (name == "adam")
                moments = [0.9 * moments[0] + 0.1 * g, 0.99 * moments[1] + 0.01 * g * g]
                mean, square = moments[0] / (1 - 0.9**count), moments[1] / (1 - 0.99**count)
                update = mean / (np.sqrt(square) + 1e-8) + decay * (name == "adamw")
            else:
                g = g + decay
                if name == "lars" and kernel:
                    g = g * 0.1 * np.linalg.norm(p) / np.linalg.norm(g)
                moments[0] = update = 0.9 * moments[0] + g
            p = p - rate(step) * update
        values.append(p)
    return values


@pytest.mark.parametrize(
    ("name", "decay"),
    [("sgd", DECAY), ("adam", DECAY), ("adamw", DECAY), ("lars", DECAY), ("adamw", rising)],
)
def test_a_group_frozen_at_first_has_the_values_of_torch_over_twenty_steps(name, decay):
    rng = np.random.default_rng(0)
    gradients = [
        {key: rng.normal(size=value.shape) for key, value in PARAMS.items()} for _ in range(STEPS)
    ]

    def make(rate, decay):
        options = {"weight_decay": decay, "beta2": 0.99, "trust_coefficient": 0.1}
        return optimizers.make(name, rate, **options)

    names = lambda params: jax.tree.map(lambda _: "frozen_at_first", params)  # noqa: E731
    optimizer = by_group(make, rate, rate(0), names, others=(decay,), freeze_steps=FROZEN)
    params, state, found = PARAMS, optimizer.init(PARAMS), []
    for gradient in gradients:
        gradient = jax.tree.map(lambda g: g.astype(np.float32), gradient)
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        found.append(params)
    for key, first in PARAMS.items():
        first = np.asarray(first, np.float64)
        own = [gradient[key] for gradient in gradients]
        decay_at = decay if callable(decay) else lambda step: decay
        expected = torch_updates(name, first, own, key == "kernel", decay_at)
        moved = [values[key] - first for values in found]
        assert np.isfinite(moved).all() and np.abs(moved[-1]).min() > 1e-3
        # Float32 parameters of about 1 hold their distance from the start to 1e-7.
        np.testing.assert_allclose(moved, np.stack(expected) - first, rtol=1e-4, atol=4e-7)


def test_nothing_in_the_optimizer_moves_while_it_is_frozen():
    optimizer = frozen_until(3, partial(optimizers.make, "adamw", weight_decay=DECAY), rate)
    state = first = optimizer.init(PARAMS)
    for gradient in GRADIENTS:
        updates, state = optimizer.update(gradient, state, PARAMS)
        assert not any(np.any(update) for update in jax.tree.leaves(updates))
    assert state[0] == 3
    jax.tree.map(np.testing.assert_array_equal, state[1], first[1])


def test_groups_keep_freeze_and_follow():
    make = partial(optimizers.make, "sgd", momentum=0.0)
    tree = {"a": PARAMS, "b": PARAMS, "c": PARAMS}
    names = {"a": "default", "b": "constant", "c": "frozen"}

    def groups(params):
        return jax.tree.map_with_path(lambda path, _: names[path[0].key], params)

    optimizer = by_group(make, rate, 0.1, groups)
    params, state = tree, optimizer.init(tree)
    for gradient in GRADIENTS:
        updates, state = optimizer.update(dict.fromkeys("abc", gradient), state, params)
        params = optax.apply_updates(params, updates)
    moved = jax.tree.map(lambda *g: sum(g), *GRADIENTS)["bias"]
    faded = sum(rate(i) * g["bias"] for i, g in enumerate(GRADIENTS))
    np.testing.assert_allclose(params["a"]["bias"], PARAMS["bias"] - faded, rtol=1e-5)
    np.testing.assert_allclose(params["b"]["bias"], PARAMS["bias"] - 0.1 * moved, rtol=1e-5)
    np.testing.assert_array_equal(params["c"]["bias"], PARAMS["bias"])
