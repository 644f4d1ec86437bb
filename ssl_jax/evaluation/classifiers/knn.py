"""k-nearest-neighbour classification: the k nearest images of a bank vote for their classes.

Weighted vote (Wu et al., arXiv 1805.01978, Section 3.4): nearest by cosine similarity s, and a vote
has the weight exp(s / T). Euclidean vote (W-MSE, arXiv 2007.06346): nearest by distance of the
features as they are, and all votes have the same weight.
"""

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from ssl_jax.devices.processes import fetch
from ssl_jax.devices.sharding import put
from ssl_jax.evaluation.accuracy import Accuracy, accuracy, hits
from ssl_jax.evaluation.classifiers.nearest import Nearest, search
from ssl_jax.evaluation.features import Labelled, as_features

# k and T of every kNN accuracy that is reported without them.
KNN_K = 20
KNN_TEMPERATURE = 0.07


def knn_accuracy(
    bank: Labelled,
    queries: Labelled,
    *,
    num_classes: int,
    ks: tuple[int, ...] = (KNN_K,),
    temperature: float = KNN_TEMPERATURE,
) -> dict[int, Accuracy]:
    """Accuracy on `queries` by the weighted vote.

    Args:
      bank: the images that vote.
      queries: the images to classify.
      num_classes: of the data set; a class without a vote is never right.
      ks: numbers of neighbours; where the bank has fewer than k images, all of them vote.
      temperature: T.

    Returns:
      The accuracy for every k.

    Example:
      >>> bank = Labelled(np.eye(2, dtype=np.float32), np.array([0, 1]))
      >>> knn_accuracy(bank, bank, num_classes=2, ks=(1,))
      {1: Accuracy(top1=1.0, top5=None)}
    """
    found = weighted_votes(bank, queries, num_classes, ks=ks, temperatures=(temperature,))
    return {k: found[k, temperature] for k in ks}


def weighted_votes(
    bank: Labelled,
    queries: Labelled,
    num_classes: int,
    *,
    ks: Sequence[int],
    temperatures: Sequence[float],
) -> dict[tuple[int, float], Accuracy]:
    """As `knn_accuracy`, for every k and T; the neighbours are searched once."""
    found = _knn(bank, queries, num_classes, ks, temperatures)
    return dict(zip(itertools.product(ks, temperatures), found, strict=True))


def euclidean_knn_accuracy(
    bank: Labelled, queries: Labelled, *, num_classes: int, ks: tuple[int, ...]
) -> dict[int, Accuracy]:
    """Accuracy on `queries` by the Euclidean vote; among equal votes the lower class wins.

    Args:
      bank: the images that vote.
      queries: the images to classify.
      num_classes: of the data set; a class without a vote is never right.
      ks: numbers of neighbours; where the bank has fewer than k images, all of them vote.

    Returns:
      The accuracy for every k.
    """
    return dict(zip(ks, _knn(bank, queries, num_classes, ks, None), strict=True))


def leave_one_out(
    images: Labelled, *, num_classes: int, ks: tuple[int, ...]
) -> dict[int, Accuracy]:
    """Accuracy by the weighted vote of all other images: no image is its own neighbour.

    Args:
      images: the images that vote and are classified.
      num_classes: of the data set; a class without a vote is never right.
      ks: numbers of neighbours; where there are fewer than k other images, all of them vote.

    Returns:
      The accuracy for every k.
    """
    found = _knn(images, images, num_classes, ks, (KNN_TEMPERATURE,), same=True)
    return dict(zip(ks, found, strict=True))


def _knn(
    bank: Labelled,
    queries: Labelled,
    num_classes: int,
    ks: Sequence[int],
    temperatures: Sequence[float] | None,
    *,
    same: bool = False,
) -> list[Accuracy]:
    """An accuracy for every k and T, or for every k by the Euclidean vote."""
    neighbours = len(bank.labels) - same
    ks = [min(k, neighbours) for k in ks]
    asked = as_features(queries.features)
    everywhere = asked.shares.shardings.replicated
    found = search(
        as_features(bank.features),
        bank.labels,
        asked,
        k=max(ks),
        euclidean=temperatures is None,
        same=same,
    )
    labels = put(np.asarray(queries.labels, np.int32), everywhere)
    options = [(k, t) for k in ks for t in temperatures or (None,)]
    counts = np.zeros((len(options), 2), np.int64)
    for nearest in found:
        counts += fetch(_hits(nearest, labels, options=tuple(options)), everywhere)
    common = {"images": len(queries.labels), "num_classes": num_classes}
    return [accuracy(count, **common) for count in counts]


@functools.partial(jax.jit, static_argnames="options")
def _hits(
    nearest: Nearest,
    labels: Int[Array, " n"],
    *,
    options: tuple[tuple[int, float | None], ...],
) -> Int[Array, "options 2"]:
    """How many queries have their label first, and among the first five, for every (k, T)."""

    def tile(nearest: Nearest) -> Array:
        counted, own = nearest.numbers >= 0, labels[jnp.maximum(nearest.numbers, 0)]
        ranks = [_ranks(nearest, own, k, temperature) for k, temperature in options]
        return jnp.stack([hits(rank, counted) for rank in ranks])

    return jax.lax.map(tile, nearest).sum(axis=0)


def _ranks(
    nearest: Nearest, own: Int[Array, " b"], k: int, temperature: float | None
) -> Int[Array, " b"]:
    """Number of classes with more votes than a query's own, or as many and a lower index.

    Votes are counted among neighbours, not among classes, of which there may be thousands.

    Args:
      nearest: neighbours of the queries, [b, at least k].
      own: classes of the queries.
      k: number of neighbours that vote.
      temperature: T of the weighted vote; None for equal votes.
    """
    similarities, labels, _ = nearest
    weights = jnp.ones_like(similarities)
    if temperature is not None:
        # Relative to the nearest image, whose weight is then 1 at any temperature.
        weights = jnp.exp((similarities - similarities[:, :1]) / temperature)
    # Masked, not sliced: XLA turns a sliced top-k into a full sort, ten times slower on CPU.
    order = jnp.arange(labels.shape[1])
    weights = jnp.where(order[None] < k, weights, 0)
    alike = labels[:, :, None] == labels[:, None, :]
    votes = jnp.einsum("bjk,bk->bj", alike.astype(jnp.float32), weights, precision="highest")
    mine = jnp.max(jnp.where(labels == own[:, None], votes, 0), axis=1)
    first = ~jnp.any(alike & (order[None, None] < order[None, :, None]), axis=2)
    lower = (votes == mine[:, None]) & (labels < own[:, None])
    ahead = first & (votes > 0) & ((votes > mine[:, None]) | lower) & (labels != own[:, None])
    # A class without votes comes after all others.
    return jnp.where(mine > 0, jnp.sum(ahead, axis=1), jnp.iinfo(jnp.int32).max)
