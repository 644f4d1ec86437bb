"""Losses without negatives: the views of an image attract each other.

All of them are also smallest at collapse, so something else has to prevent it: a predictor and a
target without gradient, or a loss from `dispersion`. Rows are L2-normalised inside. Gradient flows
to both sides; stop it outside where one side comes from a target.
"""

import jax.numpy as jnp

from ssl_jax.losses.embeddings import Embeddings, Scalar, normalize, spherical_distance


def negative_cosine(predictions: Embeddings, targets: Embeddings) -> Scalar:
    """-cos(p, z), mean over the N rows; SimSiam (arXiv 2011.10566, Eq. 1).

    Args:
      predictions: [N, d].
      targets: [N, d], in the same order.

    Returns:
      In [-1, 1]: -1 at collapse, 0 for unrelated rows.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(negative_cosine(z, z)), 3)
      -1.0
    """
    return -jnp.mean(jnp.sum(normalize(predictions) * normalize(targets), axis=-1))


def cosine_distance(predictions: Embeddings, targets: Embeddings) -> Scalar:
    """||p_hat - z_hat||^2 = 2 - 2 cos(p, z), mean over the N rows; BYOL (arXiv 2006.07733, Eq. 2).

    Args:
      predictions: [N, d].
      targets: [N, d], in the same order.

    Returns:
      In [0, 4]: 0 at collapse, 2 for unrelated rows.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(cosine_distance(z, z[::-1])), 3)
      2.0
    """
    return jnp.mean(jnp.sum((normalize(predictions) - normalize(targets)) ** 2, axis=-1))


def centroid(predictions: tuple[Embeddings, ...], targets: tuple[Embeddings, ...]) -> Scalar:
    """Distance from each view's prediction to the centroid of all views' targets.

    MSBReg (arXiv 2207.03552, Eq. 3): 1/K sum_j ||p_hat_j - 1/K sum_l z_hat_l||^2, mean over the
    batch. The mean of unit vectors is not normalised again.

    Args:
      predictions: one [N, d] per view.
      targets: one [N, d] per view, including the view's own.

    Returns:
      In [0, 4]: 0 at collapse, 1 + 1/K for unrelated rows.

    Example:
      >>> views = jnp.eye(2), jnp.eye(2)[::-1]
      >>> round(float(centroid(views, views)), 3)
      0.5
    """
    centre = jnp.mean(normalize(jnp.stack(targets, axis=1)), axis=1, keepdims=True)
    distances = jnp.sum((normalize(jnp.stack(predictions, axis=1)) - centre) ** 2, axis=-1)
    return jnp.mean(distances)


def alignment(first: Embeddings, second: Embeddings, alpha: float = 2.0) -> Scalar:
    """||x_hat - y_hat||^alpha, mean over the N pairs; Wang & Isola (arXiv 2005.10242, Section 4.1).

    `uniformity` is its counterpart.

    Args:
      first: [N, d] embeddings of one view.
      second: [N, d] embeddings of the other view, in the same order.
      alpha: exponent of the distance.

    Returns:
      In [0, 2^alpha]; 0 at collapse.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(alignment(z, z[::-1])), 3)
      2.0
    """
    return jnp.mean(spherical_distance(first, second) ** alpha)
