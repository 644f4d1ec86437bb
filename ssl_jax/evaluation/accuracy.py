"""Top-1 and top-5 accuracy."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


class Accuracy(NamedTuple):
    """Shares in [0, 1]; top5 is None where there are no more than five classes."""

    top1: float
    top5: float | None


def label_ranks(scores: Float[Array, "n c"], labels: Int[Array, " n"]) -> Int[Array, " n"]:
    """How many classes stand before the label's: 0 where it is the best.

    Of equal scores the lower class stands first. A label whose score is not finite comes last.
    """
    classes = scores.shape[1]
    own = jnp.take_along_axis(scores, labels[:, None], axis=1)
    lower = jnp.arange(classes)[None] < labels[:, None]
    rank = jnp.sum((scores > own) | ((scores == own) & lower), axis=1)
    return jnp.where(jnp.isfinite(own[:, 0]), rank, classes)


def accuracy(ranks: Int[Array, " n"], *, num_classes: int) -> Accuracy:
    """Accuracy from the ranks of the true classes."""
    places = np.asarray(ranks)
    top5 = float(np.mean(places < 5)) if num_classes > 5 else None
    return Accuracy(float(np.mean(places < 1)), top5)
