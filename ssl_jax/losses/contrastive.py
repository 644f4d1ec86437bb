"""Losses with negatives: an embedding is told apart from those of other images."""

import math

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from ssl_jax.losses.embeddings import (
    AnyArray,
    Embeddings,
    Scalar,
    normalize,
    spherical_distance,
)


def info_nce(
    queries: Embeddings,
    keys: Embeddings,
    temperature: ArrayLike,
    queue: Float[AnyArray, "k d"] | None = None,
) -> Scalar:
    """InfoNCE: tell each query's key from the other keys, or from a queue of old ones.

    van den Oord et al., arXiv 1807.03748; without a queue as in MoCo v3 (arXiv 2104.02057), with
    one as in MoCo (arXiv 1911.05722, Eq. 1). Rows are L2-normalised inside.

    Args:
      queries: [N, d]; row i belongs to row i of `keys`.
      keys: [N, d]. Gradient flows into them; stop it outside if they come from a target.
      temperature: divides the cosine similarities.
      queue: [K, d] negatives. If given, they replace the other keys as negatives.

    Returns:
      Mean cross-entropy over the N queries: of the query's own key among the N keys or, with a
      queue, of the positive among 1 + K. Where all similarities are equal, log N or log(1 + K).

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(info_nce(z, z, 1.0)), 3)
      0.313
    """
    queries, keys = normalize(queries), normalize(keys)
    if queue is None:
        logits = jnp.matmul(queries, keys.T, precision="highest") / temperature
        labels = jnp.arange(len(queries))
    else:
        positive = jnp.sum(queries * keys, axis=-1, keepdims=True)
        negative = jnp.matmul(queries, normalize(queue).T, precision="highest")
        logits = jnp.concatenate([positive, negative], axis=1) / temperature
        labels = jnp.zeros(len(queries), jnp.int32)
    return jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels))


def nt_xent(first: Embeddings, second: Embeddings, temperature: ArrayLike) -> Scalar:
    """NT-Xent: each of the 2N embeddings finds its other view among the 2N - 1 others.

    SimCLR (Chen et al., arXiv 2002.05709, Eq. 1). Rows are L2-normalised inside.

    Args:
      first: [N, d] embeddings of one view.
      second: [N, d] embeddings of the other view, in the same order.
      temperature: divides the cosine similarities.

    Returns:
      Mean cross-entropy over the 2N anchors; log(2N - 1) where all similarities are equal. (The
      official TensorFlow code adds the means of both directions, which is twice this.)

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(nt_xent(z, z, 0.5)), 3)
      0.24
    """
    count, width = first.shape
    # Interleaved, not concatenated: with the batch split over devices each keeps its own rows.
    both = normalize(jnp.stack([first, second], axis=1)).reshape(2 * count, width)
    logits = jnp.matmul(both, both.T, precision="highest") / temperature
    own = jnp.eye(2 * count, dtype=bool)
    labels = jnp.arange(2 * count) ^ 1  # rows 2i and 2i + 1 are the two views of image i
    # Finite, because 0 * inf would appear in the gradient of the cross-entropy.
    logits = jnp.where(own, -1e9, logits)
    return jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels))


def supervised_contrastive(
    views: tuple[Embeddings, ...], labels: Int[AnyArray, " n"], temperature: ArrayLike
) -> Scalar:
    """SupCon: every embedding finds those of its class among all others.

    Khosla et al. (arXiv 2004.11362, Eq. 2, the sum outside of the logarithm): for each anchor the
    mean over its positives p of -log softmax(cosine / T)[p] over all embeddings but the anchor.
    Rows are L2-normalised inside.

    Args:
      views: K arrays [N, d].
      labels: class of each image; an image with a negative one has only its own views as positives.
      temperature: T; the paper's loss is multiplied by T / 0.07 in its code, which is 1 there.

    Returns:
      The mean over the K N anchors; log(K N - 1) where all similarities are equal. With two views
      and no class twice it is `nt_xent`.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(supervised_contrastive((z, z), jnp.array([0, 1]), 0.5)), 3)
      0.24
    """
    count, width = views[0].shape
    copies = len(views)
    # Interleaved, not concatenated: with the batch split over devices each keeps its own rows.
    rows = normalize(jnp.stack(views, axis=1)).reshape(copies * count, width)
    logits = jnp.matmul(rows, rows.T, precision="highest") / temperature
    own = jnp.eye(copies * count, dtype=bool)
    image = jnp.repeat(jnp.arange(count), copies)
    known = jnp.repeat(labels, copies)
    same = (known[:, None] == known[None]) & (known >= 0)[None]
    positive = ((image[:, None] == image[None]) | same) & ~own
    # Finite, because 0 * inf would appear in the gradient of the softmax.
    logs = jax.nn.log_softmax(jnp.where(own, -1e9, logits), axis=-1)
    of_positives = jnp.sum(logs, axis=-1, where=positive)
    return -jnp.mean(of_positives / jnp.sum(positive, axis=-1))


def margin_contrastive(
    anchors: Embeddings, positives: Embeddings, negatives: Embeddings, margin: float
) -> Scalar:
    """Hinge on distances: the positive should be nearer than the negative by a margin.

    BA-SSL (arXiv 2311.09974, Eq. 1): mean_i max(0, D(x_i, x_i+) - D(x_i, x_i-) + m), which is the
    triplet loss. Deviation: the paper prints a similarity for D and suggests the cosine, with which
    the loss would push the positive away; its signs are those of a distance. Here D is the
    Euclidean distance of L2-normalised rows: the L2 norm is the paper's default, and on the sphere
    it is a decreasing function of the cosine.

    Args:
      anchors: [N, d].
      positives: [N, d]; row i is the positive of anchor i.
      negatives: [N, d]; row i is the negative of anchor i.
      margin: m, in units of the distance, which is at most 2.

    Returns:
      The mean over the N anchors: `margin` where all embeddings are the same, 0 where every
      positive is nearer than its negative by the margin.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(margin_contrastive(z, z, z[::-1], margin=2.0)), 3)
      0.586
    """
    attraction = spherical_distance(anchors, positives)
    repulsion = spherical_distance(anchors, negatives)
    return jnp.mean(jax.nn.relu(attraction - repulsion + margin))


def least_info_nce(batch_size: int, temperature: float) -> float:
    """Lower bound of InfoNCE over a batch of N: log(1 + (N - 1) exp(-N / ((N - 1) T))).

    It is reached where queries equal keys and form the corners of a simplex, so that all cosines
    are -1 / (N - 1).

    Args:
      batch_size: N.
      temperature: T.

    Returns:
      The bound, in nats; 0 for a batch of one.

    Example:
      >>> round(least_info_nce(256, temperature=0.2), 3)
      0.988
    """
    others = batch_size - 1
    return math.log1p(others * math.exp(-batch_size / (others * temperature))) if others else 0.0
