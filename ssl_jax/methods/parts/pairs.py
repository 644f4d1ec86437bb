"""Losses over pairs of views."""

from collections.abc import Callable, Sequence
from itertools import combinations

import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.types import Embeddings


def cross_view(
    loss: Callable[[Embeddings, Embeddings], Float[Array, ""]],
    predictions: tuple[Embeddings, ...],
    targets: tuple[Embeddings, ...],
) -> Float[Array, ""]:
    """Sum of loss(prediction from one view, target from another) over all ordered pairs of views.

    Raises:
      UserError: for fewer than two views.
    """
    if len(targets) < 2:
        raise UserError(f"a loss between views needs at least two of them, not {len(targets)}")
    return jnp.sum(
        jnp.stack(
            [
                loss(prediction, target)
                for i, prediction in enumerate(predictions)
                for j, target in enumerate(targets)
                if i != j
            ]
        )
    )


def mean_over_ordered_pairs(
    loss: Callable[[Embeddings, Embeddings], Float[Array, ""]],
    predictions: tuple[Embeddings, ...],
    targets: tuple[Embeddings, ...],
) -> Float[Array, ""]:
    """`cross_view`, divided by the number of ordered pairs of views.

    Raises:
      UserError: for fewer than two views.
    """
    return cross_view(loss, predictions, targets) / (len(targets) * (len(targets) - 1))


def mean_over_pairs(
    loss: Callable[[Embeddings, Embeddings], Float[Array, ""]], views: Sequence[Embeddings]
) -> Float[Array, ""]:
    """Mean of a symmetric loss(one view, another) over all pairs of views.

    Raises:
      UserError: for fewer than two views.
    """
    if len(views) < 2:
        raise UserError(f"a loss between views needs at least two of them, not {len(views)}")
    return jnp.mean(jnp.stack([loss(a, b) for a, b in combinations(views, 2)]))
