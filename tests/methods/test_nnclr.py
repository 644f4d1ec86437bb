"""NNCLR is its algorithm: neighbours from the queue as it was, then view 1 enters it."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.methods.parts.queue import nearest
from ssl_jax.networks.heads import MLP
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses

HEADS = dict(
    projector=MLP((8, 8, 8), final_norm="affine", bias=False),
    predictor=MLP((8, 8), bias=False, final_bias=True),
)


def neighbours(queue, embeddings):
    """The row of the queue with the highest cosine to each embedding, row by row."""
    queue, embeddings = np.asarray(queue, np.float64), np.asarray(embeddings, np.float64)
    return np.array(
        [max(queue, key=lambda row, z=z: loops.unit(row) @ loops.unit(z)) for z in embeddings]
    )


def test_nnclr_is_its_algorithm():
    batch, method = batch_of(), cases.method_of("nnclr", temperature=0.3)
    params, state = start(method, batch)
    names = ("projector", "predictor")
    z = [branch(params, state["stats"], v, names[:1], **HEADS) for v in batch.views]
    p = [branch(params, state["stats"], v, names, **HEADS) for v in batch.views]
    # Half of the queue is what a step before this one could have put there.
    queue = np.array(state["queue"])
    queue[16:] = [loops.unit(row) for row in np.asarray(z[0])[::-1] + 0.1]
    state = {**state, "queue": jnp.array(queue)}
    nn = [neighbours(queue, view) for view in z]
    expected = 0.5 * sum(
        loops.info_nce(nn[i], np.asarray(p[1 - i], np.float64), 0.3) for i in (0, 1)
    )
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(4))
    assert np.isfinite(value)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    similarity = -loops.negative_cosine(np.asarray(z[0], np.float64), nn[0])
    np.testing.assert_allclose(aux.metrics["nn_similarity"], similarity, rtol=1e-4)
    np.testing.assert_allclose(aux.embeddings[1], p[1], rtol=1e-3, atol=1e-4)
    # 32 rows are two batches of 16: step 4 writes the first; nothing of view 2 is there.
    new = np.asarray(aux.state["queue"])
    np.testing.assert_array_equal(new[16:], queue[16:])
    units = [loops.unit(row) for row in np.asarray(z[0])]
    np.testing.assert_allclose(new[:16], units, rtol=1e-3, atol=1e-4)


def test_nearest_is_by_cosine_and_has_no_gradient():
    queue = jnp.array([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]])
    embeddings = jnp.array([[100.0, 90.0], [0.001, -0.1], [0.1, 0.01]])
    np.testing.assert_array_equal(nearest(queue, embeddings), queue[jnp.array([1, 2, 0])])
    gradient = jax.grad(lambda q, z: nearest(q, z).sum(), argnums=(0, 1))(queue, embeddings)
    assert not any(np.any(part) for part in gradient)


def test_what_nnclr_cannot_do_says_so():
    with refuses("/augment"):
        cases.method_of("nnclr").init(KEY, batch_of(3))
    with refuses("queue_size", 40):
        cases.method_of("nnclr", queue_size=40).init(KEY, batch_of())
