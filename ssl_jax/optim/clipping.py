"""Limits of the gradient's norm."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from ssl_jax.optim.norms import norms


def clip_each_norm(limit: float) -> optax.GradientTransformation:
    """Shortens the gradient of each parameter to at most `limit`, as DINO's official code does.

    Args:
      limit: largest L2 norm of the gradient of one parameter.

    Returns:
      The transformation of gradients.

    Example:
      >>> clip = clip_each_norm(1.0)
      >>> updates, _ = clip.update([jnp.array([3.0, 4.0]), jnp.array([0.5])], clip.init(None))
      >>> [update.round(3).tolist() for update in updates]
      [[0.6000000238418579, 0.800000011920929], [0.5]]
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        leaves, tree = jax.tree.flatten(updates)
        factors = jnp.minimum(limit / (norms(leaves) + 1e-6), 1.0)
        return jax.tree.unflatten(
            tree, [f * g for f, g in zip(factors, leaves, strict=True)]
        ), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
