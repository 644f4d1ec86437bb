"""Multi-network is its Algorithm 1, and each of its options is what the paper says."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.losses import info_nce
from ssl_jax.methods.parts.chain import apply_in_turn
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_fast_moco import HEADS, combined
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.methods.test_nnclr import neighbours
from tests.refusals import refuses

ONLINE = {"backbone": cases.BACKBONE, **HEADS}
T, STEP = 0.4, jnp.int32(5)


@cache
def started():
    """Parameters, and a state with a target and a queue apart from what they start as."""
    batch = batch_of(3)
    params, state = start(cases.method_of("multi_network"), batch)
    moved = jax.tree.map(lambda p: 0.5 * p + 0.1, state["target"]["params"])
    return params, {**state, "target": {**state["target"], "params": moved}}, batch


@cache
def outputs(k=2):
    """Predictions p, raw momentum embeddings and combined embeddings c, by the view; float64."""
    params, state, batch = started()
    target, names = state["target"], ("projector", "predictor")
    p = [branch(params, state["stats"], view, names, **HEADS) for view in batch.views]
    raw = [
        branch(target["params"], target["stats"], view, names[:1], **HEADS)
        for view in batch.views[:2]
    ]
    c = {i: combined(params, state["stats"], batch.views[i], names[:1], k) for i in (0, 2)}
    return [np.asarray(v, np.float64) for v in p], [np.asarray(v, np.float64) for v in raw], c


def L(rows, p):
    """The contrastive loss of Algorithm 1: the mean over combinations [N, s, d]."""
    return np.mean([loops.info_nce(rows[:, c], p, T) for c in range(rows.shape[1])])


def loss_of(key=KEY, **options):
    params, state, batch = started()
    method = cases.method_of("multi_network", temperature=T, **options)
    return jax.jit(method.loss)(params, state, batch, key, STEP)


def test_multi_network_is_algorithm_1():
    params, state, batch = started()
    p, raw, c = outputs()
    z = [neighbours(state["queue"], view)[:, None] for view in raw]
    loss_m = 0.5 * (L(z[0], p[1]) + L(z[1], p[0]))
    loss_s = 0.5 * (L(c[0], p[2]) + L(c[2], p[0]))
    value, aux = loss_of()
    assert np.isfinite(value)
    np.testing.assert_allclose(aux.metrics["loss_m"], loss_m, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["loss_s"], loss_s, rtol=1e-4)
    np.testing.assert_allclose(value, loss_s + 6.0 * loss_m, rtol=1e-4)
    np.testing.assert_allclose(aux.embeddings[2], p[2], rtol=1e-3, atol=1e-4)
    # Raw embeddings of view 1, not neighbours, enter the queue; step 5 writes its second half.
    new = np.asarray(aux.state["queue"])
    np.testing.assert_array_equal(new[:16], state["queue"][:16])
    units = [loops.unit(row) for row in raw[0]]
    np.testing.assert_allclose(new[16:], units, rtol=1e-3, atol=1e-4)
    # Running averages are those of three passes of whole images: patches leave none.
    _, stats = apply_in_turn(ONLINE, params, state["stats"], batch.views, KEY)
    for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(aux.state["stats"]), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)


def test_equation_7_with_every_pair_and_other_combinations():
    p, raw, c = outputs(k=3)
    z = [neighbours(started()[1]["queue"], view)[:, None] for view in raw]
    loss_m = np.mean([L(z[0], p[1]), L(z[0], p[2]), L(z[1], p[0]), L(z[1], p[2])])
    loss_s = np.mean([L(c[0], p[1]), L(c[0], p[2]), L(c[2], p[0]), L(c[2], p[1])])
    value, _ = loss_of(coefficient=2.0, coefficient_on="stop_gradient", pairs="all", k=3)
    np.testing.assert_allclose(value, loss_m + 2.0 * loss_s, rtol=1e-4)


def test_no_gradient_flows_through_the_stop_gradient_network():
    params, state, batch = started()
    method = cases.method_of("multi_network", temperature=T, coefficient=0.0)
    _, _, c = outputs()
    first, third = (jnp.asarray(c[i], jnp.float32) for i in (0, 2))

    def constant_targets(params):
        p, _ = apply_in_turn(ONLINE, params, state["stats"], batch.views, KEY)
        terms = [
            info_nce(rows[:, j], prediction, T)
            for rows, prediction in ((first, p[2]), (third, p[0]))
            for j in range(rows.shape[1])
        ]
        return sum(terms) / len(terms)

    expected = jax.jit(jax.grad(constant_targets))(params)
    whole = jax.jit(jax.grad(lambda p: method.loss(p, state, batch, KEY, STEP)[0]))(params)
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(whole), strict=True):
        assert np.isfinite(b).all()
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)


def test_one_combination_is_drawn_for_each_view():
    p, _, c = outputs()
    known = [
        0.5 * (L(c[0][:, [a]], p[2]) + L(c[2][:, [b]], p[0])) for a in range(6) for b in range(6)
    ]
    params, state, batch = started()
    method = cases.method_of("multi_network", temperature=T, combinations="one")
    loss = jax.jit(lambda key: method.loss(params, state, batch, key, STEP)[1].metrics["loss_s"])
    drawn = set()
    for seed in range(8):
        distance = np.abs(np.array(known) / float(loss(jax.random.key(seed))) - 1.0)
        assert distance.min() < 1e-5
        drawn.add(divmod(int(distance.argmin()), 6))
    # Another one in another step, and not the same for both views.
    assert len(drawn) > 3
    assert any(a != b for a, b in drawn)


@pytest.mark.parametrize("views", [2, 4])
def test_there_are_three_views(views):
    with refuses("/augment"):
        cases.method_of("multi_network").init(KEY, batch_of(views))


@pytest.mark.parametrize(
    ("key", "value", "known"),
    [
        ("pairs", "each", "cross or all"),
        ("combinations", "two", "all or one"),
        ("coefficient_on", "m", "momentum or stop_gradient"),
        ("projector_widths", (), ""),
        ("projector_widths", (8, 0), ""),
    ],
)
def test_unknown_choices_say_what_there_is(key, value, known):
    with refuses(key, value) as caught:
        cases.method_of("multi_network", **{key: value})
    assert known in str(caught.value)


def test_the_queue_is_a_whole_number_of_batches():
    with refuses("queue_size", 40):
        cases.method_of("multi_network", queue_size=40).init(KEY, batch_of(3))


def test_chance_is_ln_n_for_each_term():
    expectation = cases.method_of("multi_network", coefficient=2.0).expect(16, 3)
    assert expectation.chance == pytest.approx(3 * np.log(16))
    # On unit vectors at temperature 1 a loss cannot be much lower.
    assert np.log(16) - 1.0 < expectation.low / 3 < np.log(16) - 0.8
