"""Runs an optimizer and a NumPy loop over the same parameters, gradients and learning rates."""

import jax.numpy as jnp
import numpy as np
import optax

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
