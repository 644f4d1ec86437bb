"""SupCon is its equation on the embeddings of both views, with the batch's labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.methods.parts.chain import apply_together
from ssl_jax.networks.heads import MLP
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, start
from tests.refusals import refuses


def test_supcon_is_its_equation():
    labels = np.arange(16) % 5
    batch, method = batch_of()._replace(labels=jnp.asarray(labels)), cases.method_of("supcon")
    params, state = start(method, batch)
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    chain = {"backbone": cases.BACKBONE, "projector": MLP((8, 8), norm="none")}
    z, _ = apply_together(chain, params, state["stats"], batch.views, KEY)
    np.testing.assert_allclose(aux.embeddings, z, rtol=1e-3, atol=1e-4)
    views = [np.asarray(view, np.float64) for view in aux.embeddings]
    expected = loops.supervised_contrastive(views, labels, 0.1)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    assert method.expect(16, 2).chance == pytest.approx(np.log(31))


def test_labels_matter_and_are_needed():
    batch, method = batch_of(), cases.method_of("supcon")
    params, state = start(method, batch._replace(labels=jnp.zeros(16, jnp.int32)))
    losses = [
        method.loss(params, state, batch._replace(labels=labels), KEY, jnp.int32(0))[0]
        for labels in (jnp.arange(16), jnp.arange(16) % 2)
    ]
    assert abs(losses[0] - losses[1]) > 1e-3
    with refuses("name", "supcon"):
        method.loss(params, state, batch._replace(labels=None), KEY, jnp.int32(0))
