"""The clipping of each parameter's gradient against a NumPy loop."""

import numpy as np

from ssl_jax.optim.clipping import clip_each_norm
from tests.optim.updates import GRADIENTS


def test_each_gradient_is_shortened_by_itself():
    limit = 0.53  # between the norms of the two parameters
    clip = clip_each_norm(limit)
    updates, _ = clip.update(GRADIENTS[0], clip.init(GRADIENTS[0]))
    lengths = {}
    for name, gradient in GRADIENTS[0].items():
        gradient = np.asarray(gradient, np.float64)
        lengths[name] = np.sqrt(np.sum(gradient**2))
        expected = gradient * min(limit / (lengths[name] + 1e-6), 1.0)
        np.testing.assert_allclose(updates[name], expected, rtol=1e-5)
    assert lengths["bias"] < limit < lengths["kernel"]
