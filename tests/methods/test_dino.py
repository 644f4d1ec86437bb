"""DINO is its algorithm: a momentum teacher, its centre and its temperature."""

import math
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from ssl_jax.types import Batch
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_swav import embeddings_by_hand, unit
from tests.refusals import refuses

KEY = jax.random.key(0)
OUT = 16
PROJECTOR = MLP((8, 8, 8), norm="none", activation=partial(nn.gelu, approximate=False))
BATCH = cases.batch_of(cases.named("dino").sides)


def scores_by_hand(params, stats, views):
    z = embeddings_by_hand(params, stats, views, PROJECTOR)
    return [unit(rows) @ unit(params["last_layer"]).T for rows in z]


@pytest.fixture(scope="module")
def dino():
    """Method, compiled loss, parameters, and a state whose teacher lies apart from the student.

    The temperature of the teacher rises over the first 10 of 20 steps.
    """
    method = cases.method_of(
        "dino",
        teacher_temperature=0.5,
        warmup_teacher_temperature=0.1,
        teacher_warmup=0.5,
        student_temperature=0.3,
        center_momentum=0.75,
    )
    params, state = jax.jit(method.init)(KEY, BATCH)
    leaves, structure = jax.tree.flatten(state["target"]["params"])
    keys = jax.random.split(KEY, len(leaves))
    noise = [0.1 * jax.random.normal(k, p.shape) for k, p in zip(keys, leaves, strict=True)]
    moved = jax.tree.map(jnp.add, state["target"]["params"], jax.tree.unflatten(structure, noise))
    center = 0.2 * jax.random.normal(jax.random.key(3), (OUT,))
    target = {**state["target"], "params": moved}
    return method, jax.jit(method.loss), params, {**state, "target": target, "center": center}


def test_dino_is_its_algorithm_and_then_moves_its_centre(dino):
    _, loss, params, state = dino
    s = scores_by_hand(params, state["stats"], BATCH.views)
    t = scores_by_hand(state["target"]["params"], state["target"]["stats"], BATCH.views[:2])
    center = np.asarray(state["center"], np.float64)
    for step, tau in [(0, 0.1), (5, 0.3), (10, 0.5), (19, 0.5)]:
        pairs = [loops.dino(s[v], t[u], center, 0.3, tau) for u in (0, 1) for v in {0, 1, 2} - {u}]
        entropy = np.mean([loops.dino(rows - center, rows, center, tau, tau) for rows in t])
        value, aux = loss(params, state, BATCH, KEY, jnp.int32(step))
        np.testing.assert_allclose(value, np.mean(pairs), rtol=1e-4)
        np.testing.assert_allclose(aux.metrics["teacher_entropy"], entropy, rtol=1e-4)
        np.testing.assert_allclose(aux.metrics["kl"], np.mean(pairs) - entropy, rtol=1e-2)
        mean = np.mean(np.concatenate(t), axis=0)
        np.testing.assert_allclose(aux.state["center"], 0.75 * center + 0.25 * mean, rtol=1e-4)
    z = embeddings_by_hand(params, state["stats"], BATCH.views, PROJECTOR)
    for seen, rows in zip(aux.embeddings, z, strict=True):
        np.testing.assert_allclose(seen, rows, rtol=1e-3, atol=1e-4)


def test_the_centre_keeps_one_prototype_from_taking_all_images(dino):
    """Scores that are all led by one prototype are a collapse that only the centre undoes."""
    _, loss, params, state = dino
    z = embeddings_by_hand(
        state["target"]["params"], state["target"]["stats"], BATCH.views[:2], PROJECTOR
    )
    common = unit(np.mean(unit(np.concatenate(z)), axis=0)[None])
    last = state["target"]["params"]["last_layer"]
    last = last.at[0].set(common[0]).at[1:].add(-2.0 * jnp.asarray(common, jnp.float32))
    led = {**state["target"]["params"], "last_layer": last}
    led = {**state, "target": {**state["target"], "params": led}}
    t = np.concatenate(
        scores_by_hand(led["target"]["params"], state["target"]["stats"], BATCH.views[:2])
    )
    assert (t.argmax(axis=1) == 0).all()

    def entropy(center):
        _, aux = loss(params, {**led, "center": jnp.asarray(center)}, BATCH, KEY, jnp.int32(0))
        return aux.metrics["teacher_entropy"]

    assert entropy(np.zeros(OUT, np.float32)) < 0.01
    assert 1.0 < entropy(t.mean(axis=0).astype(np.float32)) < math.log(OUT)


def test_without_sharpening_the_teacher_says_nothing(dino):
    method = cases.method_of("dino", teacher_temperature=1e3, teacher_warmup=0.0)
    _, _, params, state = dino
    value, aux = jax.jit(method.loss)(params, state, BATCH, KEY, jnp.int32(0))
    chance = method.expect(cases.BATCH, 2).chance
    assert chance == pytest.approx(math.log(OUT))
    np.testing.assert_allclose(aux.metrics["teacher_entropy"], chance, rtol=1e-4)
    assert value > chance


def test_the_teacher_gets_no_gradient_and_follows_the_whole_student(dino):
    method, _, params, state = dino

    def loss_of(params, teacher):
        target = {**state["target"], "params": teacher}
        return method.loss(params, {**state, "target": target}, BATCH, KEY, jnp.int32(0))[0]

    own, teachers = jax.jit(jax.grad(loss_of, argnums=(0, 1)))(params, state["target"]["params"])
    assert all(np.any(leaf) for leaf in jax.tree.leaves(own) if leaf.ndim > 1)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(teachers))
    # The magnitude of the last layer's weights is fixed: gradient is along the sphere.
    radial = np.sum(np.asarray(own["last_layer"]) * np.asarray(params["last_layer"]), axis=1)
    np.testing.assert_allclose(radial, 0.0, atol=1e-6)

    _, after = method.update(params, state, jnp.int32(0))
    assert set(after["target"]["params"]) == {"backbone", "projector", "last_layer"}
    jax.tree.map(
        lambda new, old, student: np.testing.assert_allclose(
            new, 0.996 * old + 0.004 * student, rtol=1e-4, atol=1e-6
        ),
        after["target"]["params"],
        state["target"]["params"],
        params,
    )
    assert method.groups(params)["last_layer"] == "frozen_at_first"


def test_what_cannot_be_is_refused():
    def init(batch, **changes):
        jax.eval_shape(cases.method_of("dino", **changes).init, KEY, batch)

    with refuses("teacher_warmup", 30.0):
        init(BATCH, teacher_warmup=30.0)
    with refuses("/augment"):
        init(Batch(BATCH.views[:1]))
