"""Groups of parameters that follow different optimizers, or none for a while."""

import jax
import numpy as np
import optax

from ssl_jax.optim import optimizers
from ssl_jax.optim.groups import by_group
from tests.optim.updates import GRADIENTS, PARAMS, close, loop, run, schedule


def test_frozen_at_first_stays_and_then_follows_the_schedule_without_a_past():
    def update(p, g, buffer, rate, kernel):
        if rate == schedule(0):  # frozen for one step
            return p, buffer
        buffer = 0.9 * buffer + g + 0.02 * p * kernel
        return p - rate * buffer, buffer

    sgd = optimizers.make("sgd", schedule, weight_decay=0.02)
    names = lambda params: jax.tree.map(lambda _: "frozen_at_first", params)  # noqa: E731
    close(run(by_group(sgd, sgd, names, freeze_steps=1)), loop(update))


def test_groups_keep_freeze_and_follow():
    make = optimizers.make("sgd", schedule, momentum=0.0)
    constant = optimizers.make("sgd", optax.constant_schedule(0.1), momentum=0.0)
    tree = {"a": PARAMS, "b": PARAMS, "c": PARAMS}
    names = {"a": "default", "b": "constant", "c": "frozen"}

    def groups(params):
        return jax.tree.map_with_path(lambda path, _: names[path[0].key], params)

    optimizer = by_group(make, constant, groups)
    params, state = tree, optimizer.init(tree)
    for gradient in GRADIENTS:
        updates, state = optimizer.update(dict.fromkeys("abc", gradient), state, params)
        params = optax.apply_updates(params, updates)
    moved = jax.tree.map(lambda *g: sum(g), *GRADIENTS)["bias"]
    faded = sum(schedule(i) * g["bias"] for i, g in enumerate(GRADIENTS))
    np.testing.assert_allclose(params["a"]["bias"], PARAMS["bias"] - faded, rtol=1e-5)
    np.testing.assert_allclose(params["b"]["bias"], PARAMS["bias"] - 0.1 * moved, rtol=1e-5)
    np.testing.assert_array_equal(params["c"]["bias"], PARAMS["bias"])
