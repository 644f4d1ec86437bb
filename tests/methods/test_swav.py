"""SwAV is its algorithm: codes of the full-size crops, a queue, prototypes on the sphere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from ssl_jax.types import Batch
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_methods import branch
from tests.refusals import refuses

KEY = jax.random.key(0)
PROTOTYPES, QUEUE, EPSILON, TEMPERATURE = 8, 32, 0.2, 0.3
CHANGES = dict(epsilon=EPSILON, iterations=2, temperature=TEMPERATURE)
BATCH = cases.batch_of(cases.named("swav").sides)


def embeddings_by_hand(params, stats, views, projector):
    """Crops of 8 and of 4 pixels through the backbone, all together through the projector."""
    sizes = [[view for view in views if view.shape[1] == side] for side in (8, 4)]
    features = [branch(params, stats, jnp.concatenate(crops), ()) for crops in sizes if crops]
    variables = {"params": params["projector"], "batch_stats": stats["projector"]}
    output, _ = projector.apply(
        variables, jnp.concatenate(features), train=True, mutable=["batch_stats"]
    )
    return np.split(np.asarray(output, np.float64), len(views))


def unit(rows):
    return np.array([loops.unit(row) for row in np.asarray(rows, np.float64)])


def loss_by_hand(z, prototypes, queues=None):
    """The loss, and the mean entropy of the codes."""
    prototypes = np.asarray(prototypes, np.float64)
    scores = [unit(rows) @ prototypes.T for rows in z]
    losses, entropies = [], []
    for u in (0, 1):
        queued = [] if queues is None else list(np.asarray(queues[u], np.float64) @ prototypes.T)
        q = loops.sinkhorn(np.array(queued + list(scores[u])), EPSILON, 2)[-len(z[u]) :]
        others = [s for v, s in enumerate(scores) if v != u]
        losses.append(np.mean([loops.code_cross_entropy(q, s, TEMPERATURE) for s in others]))
        entropies.append(-np.mean(np.sum(q * np.log(q), axis=1)))
    return np.mean(losses), np.mean(entropies)


@pytest.fixture(scope="module")
def swav():
    """Method, compiled loss, parameters and state; the queue of two batches begins at step 5."""
    method = cases.method_of("swav", queue_size=QUEUE, queue_from=0.25, **CHANGES)
    params, state = jax.jit(method.init)(KEY, BATCH)
    return method, jax.jit(method.loss), params, state


def test_swav_is_its_algorithm_and_its_queue_is_used_once_full(swav):
    _, loss, params, state = swav
    z = embeddings_by_hand(params, state["stats"], BATCH.views, MLP((8, 8)))
    alone = loss_by_hand(z, params["prototypes"])
    together = loss_by_hand(z, params["prototypes"], state["queues"])
    assert abs(alone[0] - together[0]) > 1e-3
    for step, (expected, entropy) in [(0, alone), (6, alone), (7, together), (19, together)]:
        value, aux = loss(params, state, BATCH, KEY, jnp.int32(step))
        np.testing.assert_allclose(value, expected, rtol=1e-4)
        np.testing.assert_allclose(aux.metrics["code_entropy"], entropy, rtol=1e-4)
        np.testing.assert_allclose(aux.metrics["kl"], expected - entropy, rtol=1e-3)
    for seen, rows in zip(aux.embeddings, z, strict=True):
        np.testing.assert_allclose(seen, rows, rtol=1e-3, atol=1e-4)
    # Step 19 writes the second of two batches: embeddings of the full-size crops.
    queues = aux.state["queues"]
    assert queues.shape == (2, QUEUE, 8)
    for u in (0, 1):
        np.testing.assert_array_equal(queues[u, :16], state["queues"][u, :16])
        np.testing.assert_allclose(queues[u, 16:], unit(z[u]), rtol=1e-3, atol=1e-4)


def test_images_that_are_all_alike_cannot_share_one_code(swav):
    """Their codes are uniform, so the loss is at least what it is for embeddings without sense."""
    method, loss, params, state = swav
    alike = Batch(tuple(jnp.broadcast_to(view[:1], view.shape) for view in BATCH.views))
    value, aux = loss(params, state, alike, KEY, jnp.int32(0))
    chance = method.expect(cases.BATCH, 2).chance
    assert chance == pytest.approx(np.log(PROTOTYPES))
    np.testing.assert_allclose(aux.metrics["code_entropy"], chance, rtol=1e-4)
    assert value >= chance


def test_codes_give_no_gradient():
    """The gradient of the prototypes is that of the scores alone, the codes held."""
    method = cases.method_of("swav", use_queue=False, **CHANGES)
    params, state = jax.jit(method.init)(KEY, BATCH)
    assert "queues" not in state

    def loss_of(prototypes):
        changed = {**params, "prototypes": prototypes}
        return method.loss(changed, state, BATCH, KEY, jnp.int32(0))[0]

    value, gradient = jax.jit(jax.value_and_grad(loss_of))(params["prototypes"])
    z = embeddings_by_hand(params, state["stats"], BATCH.views, MLP((8, 8)))
    np.testing.assert_allclose(value, loss_by_hand(z, params["prototypes"])[0], rtol=1e-4)
    prototypes, rows = np.asarray(params["prototypes"], np.float64), [unit(view) for view in z]
    codes = [loops.sinkhorn(rows[u] @ prototypes.T, EPSILON, 2) for u in (0, 1)]
    expected = np.zeros_like(prototypes)
    for u in (0, 1):
        for v in {0, 1, 2} - {u}:
            for q, row in zip(codes[u], rows[v], strict=True):
                p = loops.softmax(prototypes @ row / TEMPERATURE)
                expected += np.outer(p - q, row) / TEMPERATURE / len(codes[u]) / 4
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


def test_prototypes_are_unit_vectors_at_first_and_after_every_update(swav):
    method, _, params, state = swav
    c = np.asarray(params["prototypes"])
    np.testing.assert_allclose(np.linalg.norm(c, axis=1), 1.0, rtol=1e-5)
    moved = {**params, "prototypes": 3.0 * params["prototypes"] + 0.1}
    after, same = method.update(moved, state, jnp.int32(0))
    assert same is state and after["projector"] is params["projector"]
    np.testing.assert_allclose(after["prototypes"], unit(3.0 * c + 0.1), rtol=1e-4, atol=1e-6)
    groups = method.groups(params)
    assert groups["prototypes"] == "frozen_at_first"
    assert set(jax.tree.leaves(groups["backbone"])) == {"default"}


def test_what_cannot_be_is_refused():
    def init(batch=BATCH, **changes):
        jax.eval_shape(cases.method_of("swav", **changes).init, KEY, batch)

    with refuses("queue_from", 15.0):
        init(queue_from=15.0)
    with refuses("queue_size", 40):
        init(queue_size=40)
    init(queue_size=40, use_queue=False)
    with refuses("/augment"):
        init(Batch(BATCH.views[:1]), global_views=1)
    with refuses("/augment"):
        init(Batch(BATCH.views[:2]), global_views=3)
