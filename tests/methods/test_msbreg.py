"""MSBReg is its three losses, is BYOL without them, and averages without the target's start."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.losses import cosine_distance
from ssl_jax.methods import msbreg
from ssl_jax.methods.parts.momentum import online_and_momentum
from ssl_jax.methods.parts.pairs import mean_over_ordered_pairs
from ssl_jax.networks.heads import MLP
from ssl_jax.optim.schedules import ema_momentum
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_byol import KEY, STEP, outputs, start, views_of
from tests.refusals import refuses


@pytest.mark.parametrize("views, on", [(2, "normalized"), (3, "predictions")])
def test_msbreg_is_its_three_losses(views, on):
    batch = views_of((8,) * views)
    method = cases.method_of("msbreg", lambda_b=0.3, lambda_s=0.02, singular_value_on=on)
    params, state = start(method, batch)
    heads = {
        name: MLP((8, 8), norm="layer", final_bias=False) for name in ("projector", "predictor")
    }
    p, z = outputs(params, state, batch, heads)
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, STEP)
    spread = p if on == "predictions" else [np.array([loops.unit(row) for row in v]) for v in p]
    l_c, l_s = loops.centroid(p, z), loops.singular_value(spread)
    l_b = float(aux.metrics["brownian"])  # which directions were drawn is another test's
    np.testing.assert_allclose(aux.metrics["attraction"], l_c, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["singular_value"], l_s, rtol=1e-4)
    assert -1 < l_b < 1 and l_b != 0
    np.testing.assert_allclose(value, l_c + 0.02 * l_s + 0.3 * l_b, rtol=1e-4)


def test_views_of_an_image_are_pushed_one_way_and_images_each_their_own(monkeypatch):
    compares = []

    def spy(*networks, compare, **options):
        compares.append(compare)
        return online_and_momentum(*networks, compare=compare, **options)

    monkeypatch.setattr(msbreg, "online_and_momentum", spy)
    cases.method_of("msbreg")
    # Every prediction is the same unit vector, so that forces differ by their directions alone.
    p = tuple(jnp.eye(1, 6).repeat(5, axis=0) for _ in range(3))
    force = jax.jit(jax.grad(lambda p, key: compares[0](p, p, key)[1]["brownian"]))
    first, second = force(p, KEY), force(p, jax.random.key(5))
    for view in first[1:]:
        np.testing.assert_allclose(view, first[0], rtol=1e-5)
    directions = np.asarray(first[0]) * 5 * 3  # n_hat, less its part along p
    lengths = np.linalg.norm(directions, axis=1)
    assert (lengths > 0.1).all() and (lengths <= 1).all()
    np.testing.assert_allclose(directions[:, 0], 0.0, atol=1e-6)
    cosines = (directions @ directions.T)[np.triu_indices(5, 1)]
    assert np.abs(cosines).max() < 0.95
    assert not np.allclose(first[0], second[0], atol=1e-3)


def test_two_views_without_the_forces_are_byol():
    batch = views_of((8, 8))
    byol = cases.method_of("byol", predictor_hidden=8, head_norm="layer")
    same = cases.method_of("msbreg", attraction="pairs", lambda_b=0.0, lambda_s=0.0)
    params, state = start(byol, batch)
    value, aux = jax.jit(same.loss)(params, state, batch, KEY, STEP)
    expected, _ = jax.jit(byol.loss)(params, state, batch, KEY, STEP)
    assert expected > 0
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(aux.metrics["attraction"], expected)


@pytest.mark.parametrize("views", [2, 3])
def test_the_mean_over_pairs_is_the_papers_loss_of_one_pair(views):
    p, z = np.random.default_rng(0).normal(size=(2, views, 50, 6))
    unit = [a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (p, z)]
    one_pair = [
        np.mean(np.sum((unit[0][i] - unit[1][j]) ** 2, axis=-1))
        for i, j in itertools.permutations(range(views), 2)
    ]
    value = mean_over_ordered_pairs(cosine_distance, tuple(jnp.asarray(p)), tuple(jnp.asarray(z)))
    np.testing.assert_allclose(value, np.mean(one_pair), rtol=1e-5)


def test_readings_of_byols_loss_differ_by_the_number_of_pairs():
    batch, values = views_of((8, 8, 8)), {}
    for attraction in ("pairs", "mean_pairs"):
        method = cases.method_of("msbreg", attraction=attraction, lambda_b=0.0, lambda_s=0.0)
        params, state = start(method, batch)
        values[attraction], _ = jax.jit(method.loss)(params, state, batch, KEY, STEP)
    np.testing.assert_allclose(values["pairs"], 6 * values["mean_pairs"], rtol=1e-5)


@pytest.mark.parametrize("views", [2, 4])
def test_the_band_ends_where_outputs_are_unrelated_and_their_spread_is_gone(views):
    p, z = np.random.default_rng(0).normal(size=(2, views, 50, 256))
    unrelated, gone = loops.centroid(p, z), loops.singular_value(np.ones((views, 5, 16)))
    method = cases.method_of("msbreg", out=16, lambda_b=0.3, lambda_s=0.02)
    expectation = method.expect(50, views)
    np.testing.assert_allclose(expectation.high, unrelated + 0.02 * gone + 0.3, rtol=0.01)
    assert expectation.low == -0.3 and expectation.chance is None


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_corrected_average_is_of_online_parameters_alone(schedule):
    steps, online = 12, np.random.default_rng(0).normal(size=12)
    decay = ema_momentum(0.9, steps, schedule, bias_corrected=True)
    plain = ema_momentum(0.9, steps, schedule)
    target, average, product = 100.0, 0.0, 1.0
    for step, theta in enumerate(online):
        tau = float(plain(step))
        average, product = tau * average + (1 - tau) * theta, product * tau
        target = float(decay(jnp.int32(step))) * target + (1 - float(decay(step))) * theta
        np.testing.assert_allclose(target, average / (1 - product), rtol=1e-4)


def test_a_corrected_target_forgets_its_start_in_the_first_step():
    params = {name: {"kernel": jnp.full((2, 2), 3.0)} for name in ("backbone", "projector")}
    state = {"target": {"params": jax.tree.map(jnp.zeros_like, params), "stats": {}}}
    for corrected, moved in ((True, 3.0), (False, 0.75)):
        method = cases.method_of("msbreg", bias_corrected=corrected, momentum=0.75)
        _, after = method.update(params, state, STEP)
        for network in after["target"]["params"].values():
            np.testing.assert_allclose(network["kernel"], moved, rtol=1e-6)


def test_what_msbreg_refuses():
    with refuses("/augment"):
        jax.eval_shape(cases.method_of("msbreg").init, KEY, views_of((8,)))
    with refuses("attraction", "mean"):
        cases.method_of("msbreg", attraction="mean")
    with refuses("singular_value_on", "z"):
        cases.method_of("msbreg", singular_value_on="z")
    with refuses("momentum", 1.0):
        cases.method_of("msbreg", momentum=1.0, bias_corrected=True)
