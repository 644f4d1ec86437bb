"""Losses on the statistics of features over the batch, and whitening, which imposes them."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import UserError
from ssl_jax.losses.embeddings import Embeddings, Scalar, covariance_matrix


def barlow_twins(
    first: Embeddings, second: Embeddings, off_diagonal_weight: float = 0.0051
) -> Scalar:
    """Pulls the cross-correlation of two views towards the identity.

    Barlow Twins (Zbontar et al., arXiv 2103.03230, Eq. 1 and 2):
    sum_i (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2, summed over dimensions, not averaged. As in the
    official code, features are standardised by a BatchNorm without parameters (biased variance,
    epsilon 1e-5).

    Args:
      first: [N, d] embeddings of one view.
      second: [N, d] embeddings of the other view, in the same order.
      off_diagonal_weight: lambda.

    Returns:
      d at collapse (C is 0); 0 where features are equal in both views and uncorrelated.

    Example:
      >>> x = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
      >>> round(float(barlow_twins(x, x)), 3), round(float(barlow_twins(0 * x, 0 * x)), 3)
      (0.0, 2.0)
    """
    first, second = _standardize(first), _standardize(second)
    correlation = jnp.matmul(first.T, second, precision="highest") / len(first)
    identity = jnp.eye(correlation.shape[0])
    weights = identity + off_diagonal_weight * (1.0 - identity)
    return jnp.sum(weights * (correlation - identity) ** 2)


def _standardize(embeddings: Embeddings) -> Float[Array, "n d"]:
    embeddings = jnp.asarray(embeddings, jnp.float32)
    mean = jnp.mean(embeddings, axis=0, keepdims=True)
    variance = jnp.var(embeddings, axis=0, keepdims=True)
    return (embeddings - mean) * jax.lax.rsqrt(variance + 1e-5)


class VICRegTerms(NamedTuple):
    """The three terms of VICReg, without their weights.

    invariance: 0 where the views agree.
    variance: 0 where every feature has a standard deviation of at least 1; 0.99 at collapse.
    covariance: 0 where no two features covary.
    """

    invariance: Scalar
    variance: Scalar
    covariance: Scalar


def vicreg_terms(views: Sequence[Embeddings]) -> VICRegTerms:
    """The terms of VICReg over two or more views: views agree, features vary and do not covary.

    Bardes et al., arXiv 2105.04906, Eq. 6, in the form of the official code: the invariance is the
    mean over N and d (the paper sums over d), the variance hinge is the mean over the views (the
    paper adds them), the covariance penalty is the sum over two views. With more than two views
    these become means over all pairs.

    Args:
      views: one [N, d] per view, in the same order; not normalised.

    Returns:
      The three terms.

    Raises:
      UserError: for fewer than two views, or a batch of one.

    Example:
      >>> collapsed = jnp.ones((4, 2))
      >>> [round(float(term), 3) for term in vicreg_terms([collapsed, collapsed])]
      [0.0, 0.99, 0.0]
    """
    if len(views) < 2:
        raise UserError(f"a loss between views needs at least two of them, not {len(views)}")
    views = [jnp.asarray(view, jnp.float32) for view in views]
    distances = [jnp.mean((a - b) ** 2) for a, b in combinations(views, 2)]
    return VICRegTerms(
        invariance=jnp.mean(jnp.stack(distances)),
        variance=jnp.mean(jnp.stack([variance_hinge(view) for view in views])),
        covariance=2.0 * jnp.mean(jnp.stack([covariance_penalty(view) for view in views])),
    )


def vicreg(
    first: Embeddings,
    second: Embeddings,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> Scalar:
    """VICReg of two views: the weighted sum of its terms, see `vicreg_terms`.

    Args:
      first: [N, d] embeddings of one view; not normalised.
      second: [N, d] embeddings of the other view, in the same order.
      invariance: weight of the invariance term.
      variance: weight of the variance term.
      covariance: weight of the covariance term.

    Returns:
      0.99 * variance at collapse (24.75 with the default weights).

    Raises:
      UserError: for a batch of one.

    Example:
      >>> collapsed = jnp.ones((4, 2))
      >>> round(float(vicreg(collapsed, collapsed)), 3)
      24.75
    """
    terms = vicreg_terms((first, second))
    return invariance * terms.invariance + variance * terms.variance + covariance * terms.covariance


def variance_hinge(embeddings: Embeddings) -> Scalar:
    """max(0, 1 - std) of each feature over the batch, mean over features.

    VICReg (arXiv 2105.04906, Eq. 1 and 2) with epsilon 1e-4 inside the root.

    Args:
      embeddings: [N, d]; not normalised.

    Returns:
      0.99 at collapse, 0 where every feature has a standard deviation of at least 1. NaN for a
      batch of one.

    Example:
      >>> round(float(variance_hinge(jnp.ones((4, 2)))), 3)
      0.99
    """
    variance = jnp.var(jnp.asarray(embeddings, jnp.float32), axis=0, ddof=1)
    deviation = jnp.sqrt(variance + 1e-4)
    return jnp.mean(jax.nn.relu(1.0 - deviation))


def covariance_penalty(embeddings: Embeddings) -> Scalar:
    """Sum of the squared covariances of different features, divided by d.

    VICReg (arXiv 2105.04906, Eq. 3 and 4).

    Args:
      embeddings: [N, d]; not normalised.

    Returns:
      0 where no two features covary, and at collapse.

    Raises:
      UserError: for a batch of one.

    Example:
      >>> round(float(covariance_penalty(jnp.array([[1.0, 1.0], [-1.0, -1.0]]))), 3)
      4.0
    """
    covariance = covariance_matrix(embeddings)
    width = covariance.shape[0]
    return jnp.sum((1.0 - jnp.eye(width)) * covariance**2) / width


def whiten(embeddings: Embeddings, eps: float = 0.0) -> Float[Array, "n d"]:
    """Embeddings with mean 0 and unbiased covariance I over the batch, by a Cholesky factor.

    W-MSE (Ermolov et al., arXiv 2007.06346, Section 3): W (x - mean) with W = L^-1, S = L L^T.

    Args:
      embeddings: [N, d], one sub-batch; map over sub-batches with `jax.vmap`.
      eps: S is replaced by (1 - eps) S + eps I, as in the official code. Where S is singular, as it
        is at collapse, the result is NaN with eps = 0, and finite but not white with eps > 0.

    Returns:
      The whitened embeddings [N, d].

    Raises:
      UserError: for N <= d and eps = 0, where S is singular whatever the embeddings are.

    Example:
      >>> x = jnp.array([[3.0, 1.0], [1.0, 2.0], [0.0, 5.0]])
      >>> bool(jnp.allclose(covariance_matrix(whiten(x)), jnp.eye(2), atol=1e-5))
      True
    """
    count, width = embeddings.shape
    if count <= width and eps == 0.0:
        raise UserError(f"whitening {width} dimensions needs more than {width} images, not {count}")
    embeddings = jnp.asarray(embeddings, jnp.float32)
    covariance = (1.0 - eps) * covariance_matrix(embeddings) + eps * jnp.eye(width)
    centred = embeddings - jnp.mean(embeddings, axis=0, keepdims=True)
    factor = jnp.linalg.cholesky(covariance)
    return jax.scipy.linalg.solve_triangular(factor, centred.T, lower=True).T
