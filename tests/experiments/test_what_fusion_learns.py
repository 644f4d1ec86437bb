"""What is measured of a fusion block, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.what_fusion_learns import (
    branch_outputs,
    correlations,
    figures,
    found_again,
    own_influence,
    table,
)
from ssl_jax.networks.batch_fusion import BatchFusion


def images(seed, n=6):
    return jax.random.uniform(jax.random.key(seed), (n, 8, 8, 3))


def test_correlations_are_pearsons():
    a, b = np.asarray(images(0)), np.asarray(images(1))
    expected = np.corrcoef(a.reshape(6, -1), b.reshape(6, -1))[:6, 6:]
    np.testing.assert_allclose(correlations(images(0), images(1)), expected, atol=1e-6)


def test_images_are_found_again_by_their_number():
    bank = images(0)
    assert found_again(bank, bank) == 1
    assert found_again(0.5 * bank + 0.1, bank) == 1
    assert found_again(jnp.roll(bank, 1, axis=0), bank) == 0
    half = jnp.concatenate([bank[:3], bank[jnp.array([4, 5, 3])]])
    assert found_again(half, bank) == 0.5


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_influence_of_a_linear_mixture(share):
    """y_n = x_n + share * sum x: derivatives 1 + share by its own image, share by each other."""

    def mix(views):
        return views + share * views.sum(0, keepdims=True)

    own, other = (1 + share) ** 2, 5 * share**2
    np.testing.assert_allclose(own_influence(mix, images(0), 3), own / (own + other), rtol=1e-5)


def test_branches_and_figures_of_a_block_that_passes_views_through():
    block = BatchFusion(
        patch_size=4, residual="identity", identity_start=True, restore_activation="identity"
    )
    views = images(0)
    params = block.init(jax.random.key(0), views)["params"]
    branches = branch_outputs(block, params, views)
    assert branches.keys() == {"F", "R"}
    assert all(np.all(branch == 0) for branch in branches.values())
    found = figures(block, params, images(1), views)
    ones = {key: found[key] for key in ("own_correlation", "own_influence")}
    assert ones == pytest.approx({"own_correlation": 1, "own_influence": 1}, abs=1e-5)
    assert found["F"] == found["R"] == found["removed"] == 0
    assert found["pairs_before"] == found["pairs_after"]


def test_figures_of_an_identity_residual_and_a_relu():
    block = BatchFusion(patch_size=4, residual="identity", mean=(0.5,), std=(0.25,))
    views = images(0)
    params = block.init(jax.random.key(0), views)["params"]
    found = figures(block, params, images(1), views)
    assert found["R"] == pytest.approx(1, abs=1e-5)
    inside = np.asarray((block.apply({"params": params}, views) - 0.5) / 0.25)
    assert found["removed"] == pytest.approx((np.abs(inside) < 1e-6).mean(), abs=0.02)


def test_the_table_shows_means_over_seeds():
    keys = ("own_correlation", "own_influence", "F", "R", "pairs_after")
    runs = [
        {
            "row": "fusion",
            "seed": seed,
            "untrained": dict.fromkeys(keys, 0.5),
            "trained": dict.fromkeys(keys, 0.25 * seed),
        }
        for seed in (0, 1)
    ]
    assert table({"runs": runs}).splitlines()[2] == "| fusion | 2 |" + " 0.50 -> 0.12 |" * 5
