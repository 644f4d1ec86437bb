"""Losses and their gradients where they are used, at a usual size: products must not be rounded.

Run by `make test-accelerator`; on CPU it passes as well.
"""

import jax
import numpy as np
import pytest

from tests.losses.cases import cases, inputs

pytestmark = pytest.mark.accelerator
N, D = 128, 64
CASES = cases(N, D)
STEP = 1e-4


@pytest.mark.parametrize("name", CASES)
def test_value_and_slope_are_those_of_the_loop(name):
    case = CASES[name]
    arrays = inputs(case, N, D)
    every = tuple(range(case.views))
    # Jitted, and at the precision that training has, whatever the other tests ask for.
    with jax.default_matmul_precision("default"):
        value, gradients = jax.jit(jax.value_and_grad(case.loss, argnums=every))(*arrays)
    exact = [array.astype(np.float64) for array in arrays]
    expected = case.loop(*exact)
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6 * abs(expected))

    # A gradient has too many entries for differences of each: its slope along some directions.
    rng = np.random.default_rng(2)
    for _ in range(3):
        directions = [rng.normal(size=array.shape) for array in exact]
        above, below = (
            case.loop(*[x + sign * STEP * v for x, v in zip(exact, directions, strict=True)])
            for sign in (1, -1)
        )
        slope = sum(
            np.sum(np.asarray(g, np.float64) * v)
            for g, v in zip(gradients, directions, strict=True)
        )
        size = np.sqrt(sum(np.sum(np.asarray(g, np.float64) ** 2) for g in gradients))
        np.testing.assert_allclose(slope, (above - below) / (2 * STEP), atol=1e-4 * size)
