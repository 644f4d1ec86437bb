"""Measures of health against closed forms and float64 singular values."""

import numpy as np
import pytest

from ssl_jax.health.representation import feature_std, rankme

RNG = np.random.default_rng(0)


def svd_rank(features: np.ndarray) -> float:
    values = np.linalg.svd(features.astype(np.float64), compute_uv=False)
    shares = values / values.sum()
    return float(np.exp(-np.sum(shares * np.log(np.where(shares > 0, shares, 1)))))


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_rankme_is_the_entropy_of_singular_values(shape: tuple[int, int]) -> None:
    features = (RNG.normal(size=shape) * np.exp(RNG.normal(size=shape[1]))).astype(np.float32)
    expected = svd_rank(features)
    assert 5 < expected < 19
    assert rankme(features) == pytest.approx(expected, rel=1e-9)
    assert rankme(1e-3 * features) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 10])
def test_rankme_of_few_equal_directions_is_their_number(rank: int) -> None:
    basis = (
        np.linalg.qr(RNG.normal(size=(300, rank)))[0]
        @ np.linalg.qr(RNG.normal(size=(64, rank)))[0].T
    )
    # In float32, as features come; the rounding shows in the fourth digit, in a Gram matrix of
    # float32 in the first.
    assert rankme(basis.astype(np.float32)) == pytest.approx(rank, rel=2e-3)


def test_rankme_of_orthogonal_features_is_their_dimension() -> None:
    assert rankme(np.eye(16, dtype=np.float32)) == pytest.approx(16)
    assert rankme(np.zeros((5, 3), np.float32)) == 0


def test_feature_std_of_spread_and_collapsed_features() -> None:
    spread = RNG.normal(size=(4000, 64)).astype(np.float32)
    assert feature_std(spread) == pytest.approx(1 / 8, rel=0.01)
    assert feature_std(spread * np.arange(1, 4001)[:, None]) == pytest.approx(1 / 8, rel=0.01)
    assert feature_std(np.ones((50, 8), np.float32)) == pytest.approx(0, abs=1e-12)
    assert feature_std(np.zeros((50, 8), np.float32)) == 0


def test_feature_std_is_that_of_a_loop() -> None:
    features = RNG.normal(size=(30, 5)).astype(np.float32) + 1
    unit = [row / np.sqrt(sum(float(v) ** 2 for v in row)) for row in features]
    deviations = []
    for column in np.transpose(unit):
        mean = sum(column) / 30
        deviations.append(np.sqrt(sum((value - mean) ** 2 for value in column) / 30))
    assert feature_std(features) == pytest.approx(sum(deviations) / 5, rel=1e-6)
