"""ReSSL is its algorithm: the weak view is the teacher's, and enters the queue after the loss."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.networks.heads import MLP
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses

HEAD = dict(projector=MLP((8, 8), norm="none"))


def test_ressl_is_its_algorithm():
    batch, method = batch_of(), cases.method_of("ressl", key_temperature=0.05)
    params, state = start(method, batch)
    # A target that is not the online network.
    target = {**state["target"], "params": jax.tree.map(lambda x: 0.9 * x, params)}
    state = {**state, "target": target}
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(1))
    k = branch(target["params"], target["stats"], batch.views[0], ("projector",), **HEAD)
    q = branch(params, state["stats"], batch.views[1], ("projector",), **HEAD)
    expected = loops.relational_consistency(
        *(np.asarray(x, np.float64) for x in (q, k, state["queue"])), 0.1, 0.05
    )
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    np.testing.assert_allclose(aux.embeddings[0], q, rtol=1e-3, atol=1e-4)
    # 32 rows are two batches of 16: step 1 writes the second.
    new, old = np.asarray(aux.state["queue"]), np.asarray(state["queue"])
    np.testing.assert_array_equal(new[:16], old[:16])
    units = [loops.unit(row) for row in np.asarray(k)]
    np.testing.assert_allclose(new[16:], units, rtol=1e-3, atol=1e-4)


def test_what_ressl_cannot_do_says_so():
    with refuses("/augment"):
        cases.method_of("ressl").init(KEY, batch_of(3))
    with refuses("queue_size", 40):
        cases.method_of("ressl", queue_size=40).init(KEY, batch_of())
