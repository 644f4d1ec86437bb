"""k-nearest-neighbour classification: the k nearest images of a bank vote for their classes.

Weighted vote (Wu et al., arXiv 1805.01978, Section 3.4): nearest by cosine similarity s, and a vote
has the weight exp(s / T). Euclidean vote (W-MSE, arXiv 2007.06346): nearest by distance of the
features as they are, and all votes have the same weight.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ssl_jax.evaluation.accuracy import Accuracy, accuracy, label_ranks
from ssl_jax.evaluation.features import Labelled
from ssl_jax.losses import normalize

# k and T of every kNN accuracy that is reported without them.
KNN_K = 20
KNN_TEMPERATURE = 0.07
QUERIES_AT_A_TIME = 256  # bounds the similarities in memory: 256 x N


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
    return _knn(bank, queries, num_classes, ks, temperature, same=False)


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
    return _knn(bank, queries, num_classes, ks, None, same=False)


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
    return _knn(images, images, num_classes, ks, KNN_TEMPERATURE, same=True)


def _knn(
    bank: Labelled,
    queries: Labelled,
    num_classes: int,
    ks: tuple[int, ...],
    temperature: float | None,
    *,
    same: bool,
) -> dict[int, Accuracy]:
    neighbours = len(bank.labels) - same
    count = len(queries.labels)
    fill = -count % QUERIES_AT_A_TIME
    blocks = (-1, QUERIES_AT_A_TIME)
    ranks = _ranks(
        bank.features,
        bank.labels,
        np.pad(queries.features, [(0, fill), (0, 0)]).reshape(*blocks, queries.features.shape[1]),
        np.pad(queries.labels, (0, fill)).reshape(blocks),
        np.arange(count + fill).reshape(blocks),
        None if temperature is None else jnp.asarray(temperature, jnp.float32),
        num_classes=num_classes,
        ks=tuple(min(k, neighbours) for k in ks),
        same=same,
    )
    ranks = ranks.transpose(1, 0, 2).reshape(len(ks), -1)[:, :count]
    return {k: accuracy(row, num_classes=num_classes) for k, row in zip(ks, ranks, strict=True)}


@functools.partial(jax.jit, static_argnames=("num_classes", "ks", "same"))
def _ranks(
    bank: Float[Array, "n d"],
    bank_labels: Int[Array, " n"],
    queries: Float[Array, "blocks b d"],
    query_labels: Int[Array, "blocks b"],
    query_rows: Int[Array, "blocks b"],
    temperature: Float[Array, ""] | None,
    *,
    num_classes: int,
    ks: tuple[int, ...],
    same: bool,
) -> Int[Array, "blocks k b"]:
    """Ranks of the queries' labels for every k; the Euclidean vote where `temperature` is None.

    Args:
      bank: features [N, d].
      bank_labels: class indices [N].
      queries: features, in blocks [blocks, b, d].
      query_labels: class indices [blocks, b].
      query_rows: index of each query among the queries [blocks, b].
      temperature: T of the weighted vote.
      num_classes: of the data set.
      ks: at most N, or N - 1 with `same`.
      same: query number i is image number i of the bank, which does not count as its neighbour.
    """
    # Centred, because features near 0 keep the digits that distances depend on.
    centre = jnp.mean(bank, axis=0, keepdims=True)

    def prepare(features: Array) -> Array:
        return features - centre if temperature is None else normalize(features)

    bank = prepare(bank)

    def block(args: tuple[Array, Array, Array]) -> Array:
        queries, labels, rows = args
        # At the default precision, rounding on accelerators would blur which image is nearer.
        similarities = jnp.matmul(prepare(queries), bank.T, precision="highest")
        if temperature is None:  # -|q - x|^2 / 2, without a term that the whole bank shares
            similarities -= jnp.sum(bank**2, axis=1)[None] / 2
        if same:
            own = rows[:, None] == jnp.arange(len(bank))[None]
            similarities = jnp.where(own, -jnp.inf, similarities)
        nearest, rows = jax.lax.top_k(similarities, max(ks))
        weights = jnp.ones_like(nearest)
        if temperature is not None:
            # Relative to the nearest image, whose weight is then 1 at any temperature.
            closest = jnp.max(nearest, axis=1, keepdims=True)
            weights = jnp.exp((nearest - closest) / temperature)
        classes = jax.nn.one_hot(bank_labels[rows], num_classes)
        ranks = []
        for k in ks:
            # Masked, not sliced: XLA turns a sliced top-k into a full sort, ten times slower on
            # CPU.
            first = jnp.where(jnp.arange(max(ks))[None] < k, weights, 0)
            votes = jnp.einsum("bk,bkc->bc", first, classes, precision="highest")
            ranks.append(label_ranks(jnp.where(votes > 0, votes, -jnp.inf), labels))
        return jnp.stack(ranks)

    return jax.lax.map(block, (queries, query_labels, query_rows))
