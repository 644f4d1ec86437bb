"""LeJEPA is its algorithm: distance to the mean of the centre views, and SIGReg of each view."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.heads import MLP
from tests.losses import loops
from tests.methods import cases
from tests.methods.test_methods import KEY, batch_of, branch, start
from tests.refusals import refuses


@pytest.mark.parametrize(("views", "centre_views"), [(2, 0), (3, 2)])
def test_lejepa_is_its_algorithm(views, centre_views):
    batch = batch_of(views)
    method = cases.method_of("lejepa", coefficient=0.3, centre_views=centre_views)
    params, state = start(method, batch)
    value, aux = jax.jit(method.loss)(params, state, batch, KEY, jnp.int32(0))
    head = dict(projector=MLP((8, 8, 8)))
    z = [
        np.asarray(branch(params, state["stats"], view, ("projector",), **head), np.float64)
        for view in batch.views
    ]
    centre = sum(z[: centre_views or views]) / (centre_views or views)
    invariance = np.mean([np.mean((view - centre) ** 2) for view in z])
    directions = np.asarray(jax.random.normal(jax.random.split(KEY)[1], (16, 8)), np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spread = np.mean([loops.sigreg(view, directions) for view in z])
    np.testing.assert_allclose(aux.metrics["invariance"], invariance, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["sigreg"], spread, rtol=1e-3)
    np.testing.assert_allclose(value, 0.7 * invariance + 0.3 * spread, rtol=1e-3)


def test_more_centre_views_than_views_are_refused():
    with refuses("centre_views", 3):
        cases.method_of("lejepa", centre_views=3).init(KEY, batch_of(2))
