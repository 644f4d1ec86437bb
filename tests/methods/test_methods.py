"""What each method is: its own equation, its target, its queue, its gradient through fusion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.errors import UserError
from ssl_jax.losses import info_nce, nt_xent
from ssl_jax.methods.parts.pairs import cross_view
from ssl_jax.methods.parts.queue import enqueue, init_queue
from ssl_jax.methods.parts.target import momentum_target
from ssl_jax.types import Batch
from tests.methods import cases
from tests.refusals import refuses

KEY = jax.random.key(0)


def batch_of(views=2):
    images = cases.images_of().images
    noise = [jax.random.uniform(jax.random.key(i), images.shape) for i in range(views)]
    return Batch(tuple(0.6 * images.astype(jnp.float32) / 255 + 0.4 * n for n in noise))


def start(method, batch):
    return jax.jit(method.init)(KEY, batch)


def branch(params, stats, view, names, **heads):
    """A chain written out: backbone and the named heads, in train mode."""
    out, _ = cases.BACKBONE.apply(
        {"params": params["backbone"], "batch_stats": stats["backbone"]},
        view,
        train=True,
        mutable=["batch_stats"],
    )
    for name in names:
        head = heads[name]
        variables = {"params": params[name], "batch_stats": stats[name]}
        out, _ = head.apply(variables, out, train=True, mutable=["batch_stats"])
    return out


def heads_of(name):
    from ssl_jax.networks.heads import MLP

    return {
        "moco_v3": dict(
            projector=MLP((8, 8), final_norm="plain", bias=False), predictor=MLP((8, 8), bias=False)
        ),
        "moco_v2": dict(projector=MLP((8, 8), norm="none")),
    }[name]


def test_moco_v3_is_its_algorithm():
    batch, method = batch_of(), cases.method_of("moco_v3", temperature=0.3)
    params, state = start(method, batch)
    heads = heads_of("moco_v3")
    # A target apart from the online network, so that the two cannot be confused.
    moved = jax.tree.map(lambda p: 0.5 * p + 0.1, state["target"]["params"])
    state = {**state, "target": {**state["target"], "params": moved}}
    q = [
        branch(params, state["stats"], v, ("projector", "predictor"), **heads) for v in batch.views
    ]
    k = [branch(moved, state["target"]["stats"], v, ("projector",), **heads) for v in batch.views]
    expected = 2 * 0.3 * (info_nce(q[0], k[1], 0.3) + info_nce(q[1], k[0], 0.3))
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    assert np.isfinite(value)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    np.testing.assert_allclose(aux.embeddings[1], q[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("symmetric", [False, True])
def test_moco_v2_compares_with_the_queue_and_then_enqueues_its_keys(symmetric):
    batch = batch_of()
    method = cases.method_of("moco_v2", symmetric=symmetric, shuffle=False, temperature=0.3)
    params, state = start(method, batch)
    heads = heads_of("moco_v2")
    target = state["target"]
    q = [branch(params, state["stats"], v, ("projector",), **heads) for v in batch.views]
    k = [branch(target["params"], target["stats"], v, ("projector",), **heads) for v in batch.views]
    expected = info_nce(q[1], k[0], 0.3, state["queues"][0])
    if symmetric:
        expected += info_nce(q[0], k[1], 0.3, state["queues"][1])
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(5))
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    # 32 rows are two batches of 16: step 5 writes the second.
    new = aux.state["queues"]
    np.testing.assert_array_equal(new[:, :16], state["queues"][:, :16])
    unit = k[0] / np.linalg.norm(k[0], axis=1, keepdims=True)
    np.testing.assert_allclose(new[0, 16:], unit, rtol=1e-3, atol=1e-4)


def test_shuffled_keys_come_back_in_order_and_see_other_groups():
    from functools import partial

    from ssl_jax.networks.norm import BatchNorm

    batch = batch_of()
    for groups in (1, 4):
        backbone = cases.BACKBONE.clone(norm=partial(BatchNorm, groups=groups))
        losses = []
        for shuffle in (False, True):
            method = cases.method_of("moco_v2", backbone=backbone, shuffle=shuffle)
            params, state = start(method, batch)
            losses.append(float(jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))[0]))
        if groups == 1:
            assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        else:
            assert losses[0] != pytest.approx(losses[1], rel=1e-4)


def test_simclr_sends_both_views_through_one_batch():
    batch, method = batch_of(), cases.method_of("simclr", temperature=0.4)
    params, state = start(method, batch)
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    np.testing.assert_allclose(value, nt_xent(*aux.embeddings, 0.4), rtol=1e-5)
    swapped = Batch(batch.views[::-1])
    other, _ = jax.jit(method.loss)(params, state, swapped, KEY, jnp.int32(0))
    np.testing.assert_allclose(value, other, rtol=1e-4)
    with pytest.raises(UserError, match="needs at least two of them, not 1"):
        method.loss(params, state, Batch(batch.views[:1]), KEY, jnp.int32(0))


@pytest.mark.parametrize("case", ["moco_v2", "moco_v3"])
def test_the_target_follows_by_its_momentum(case):
    method = cases.method_of(
        case, momentum=0.75, **({"momentum_schedule": "constant"} if case == "moco_v3" else {})
    )
    params, state = start(method, batch_of())
    ahead = jax.tree.map(lambda p: p + 1.0, params)
    _, after = method.update(ahead, state, jnp.int32(3))
    for name, target in after["target"]["params"].items():
        jax.tree.map(
            lambda new, old: np.testing.assert_allclose(new, old + 0.25, rtol=1e-4, atol=1e-5),
            target,
            state["target"]["params"][name],
        )
    assert "predictor" not in after["target"]["params"]


def test_a_float32_target_moves_where_bfloat16_would_not():
    target = {"w": {"kernel": jnp.ones((2, 2))}}
    online = {"w": {"kernel": jnp.full((2, 2), 1.001)}}
    moved = momentum_target(target, online, 0.996)["w"]["kernel"]
    np.testing.assert_allclose(moved - 1.0, 4e-6, rtol=0.05)


def fusion_gradient(case, fused, **changes):
    batch, method = batch_of(), cases.method_of(case, fused=fused, **changes)
    params, state = start(method, batch)
    gradient = jax.jit(jax.grad(lambda p: method.loss(p, state, batch, KEY, jnp.int32(0))[0]))
    return jax.tree.leaves(gradient(params)["fusion"])


def test_fusing_the_key_view_of_a_one_sided_moco_would_teach_the_block_nothing():
    assert all(not np.any(leaf) for leaf in fusion_gradient("moco_v2", (0,)))
    assert any(np.any(leaf) for leaf in fusion_gradient("moco_v2", (1,)))
    assert any(np.any(leaf) for leaf in fusion_gradient("moco_v2", (0,), symmetric=True))


def test_a_fusion_block_of_depth_0_changes_nothing():
    batch = batch_of()
    bare, wrapped = (
        cases.method_of("simclr"),
        cases.method_of("simclr", fused=(1,), fusion=cases.FUSION.clone(depth=0)),
    )
    params, state = start(wrapped, batch)
    assert params["fusion"] == {}
    value = jax.jit(wrapped.loss)(params, state, batch, KEY, jnp.int32(0))[0]
    expected = jax.jit(bare.loss)(params["method"], state, batch, KEY, jnp.int32(0))[0]
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_queues_are_whole_batches_of_unit_vectors_and_turn_over_in_order():
    queue = init_queue(KEY, 12, 5, 4)
    np.testing.assert_allclose(np.linalg.norm(queue, axis=1), 1.0, rtol=1e-5)
    for step in range(5):
        queue = enqueue(queue, jnp.full((4, 5), step + 1.0), jnp.int32(step))
        queue = queue.at[(step % 3) * 4, 0].set(float(step))  # a mark
    np.testing.assert_array_equal(queue[::4, 0], [3.0, 4.0, 2.0])
    for size in (0, 10):
        with refuses("queue_size", size):
            init_queue(KEY, size, 5, 4)


def test_cross_view_sums_every_ordered_pair():
    p = tuple(jnp.full((2, 2), float(i)) for i in (1, 2, 3))
    t = tuple(jnp.full((2, 2), float(i)) for i in (10, 20, 30))
    total = cross_view(lambda a, b: (a * b).mean(), p, t)
    assert total == 1 * 50 + 2 * 40 + 3 * 30
    with pytest.raises(UserError, match="at least two"):
        cross_view(lambda a, b: (a * b).mean(), p[:1], t[:1])
