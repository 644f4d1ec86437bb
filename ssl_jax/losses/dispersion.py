"""Losses that spread embeddings: from each other, from a common point, over a distribution."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from ssl_jax.losses.embeddings import Embeddings, Scalar, covariance_matrix, normalize


def uniformity(embeddings: Embeddings, t: float = 2.0) -> Scalar:
    """log of the mean of exp(-t ||x_hat_i - x_hat_j||^2) over the pairs i < j.

    Wang & Isola (arXiv 2005.10242, Section 4.1). The N x N distances are held in memory.

    Args:
      embeddings: [N, d]; L2-normalised inside.
      t: the larger it is, the more the nearest pairs count.

    Returns:
      In [-4t, 0]: 0 at collapse, about -2t where the rows are spread evenly and d is large.

    Example:
      >>> round(float(uniformity(jnp.eye(2))), 3)
      -4.0
    """
    rows = normalize(embeddings)
    # Not 2 - 2 x.y: rows that are zero are at distance 0, not 2, from each other.
    squared = jnp.sum(rows**2, axis=-1)
    products = jnp.matmul(rows, rows.T, precision="highest")
    distances = squared[:, None] + squared[None, :] - 2.0 * products
    count = len(rows)
    # Over all i != j, where each pair counts twice.
    total = jax.nn.logsumexp(-t * distances, where=~jnp.eye(count, dtype=bool))
    return total - jnp.log(float(count * (count - 1)))


def brownian(predictions: tuple[Embeddings, ...], key: Key[Array, ""]) -> Scalar:
    """Pushes the embeddings of each image in a random direction, the same for all of its views.

    MSBReg (arXiv 2207.03552, Eq. 4): 1/K sum_j <n_hat, p_hat_j> with n ~ N(0, I_d), one n per
    image, mean over the batch.

    Args:
      predictions: one [N, d] per view; L2-normalised inside.
      key: has to change in every step; otherwise this is a drift instead of a diffusion.

    Returns:
      In [-1, 1]; 0 in expectation, whatever the predictions are. Only its gradient matters.

    Example:
      >>> z = jnp.eye(2)
      >>> round(float(brownian((z, -z), jax.random.key(0))), 3)  # opposite views cancel out
      0.0
    """
    direction = normalize(jax.random.normal(key, predictions[0].shape))
    views = normalize(jnp.stack(predictions, axis=1))
    return jnp.mean(jnp.sum(views * direction[:, None], axis=-1))


def singular_value(predictions: tuple[Embeddings, ...]) -> Scalar:
    """Pulls the covariance of each view's embeddings towards the identity.

    MSBReg (arXiv 2207.03552, Eq. 5 and 6): 1/K sum_j ||S_j - I||_F^2, with S_j the unbiased
    covariance of view j over the batch, of the predictions as given. (The text also writes p_hat;
    normalise outside for that. Then tr S_j <= N / (N - 1), and 0 is out of reach for d > 2.)

    Args:
      predictions: one [N, d] per view.

    Returns:
      At least 0: d at collapse, 0 where every view is white.

    Raises:
      UserError: for a batch of one.

    Example:
      >>> round(float(singular_value((jnp.ones((4, 3)),))), 3)
      3.0
    """
    covariances = jnp.stack([covariance_matrix(view) for view in predictions])
    identity = jnp.eye(covariances.shape[-1])
    return jnp.mean(jnp.sum((covariances - identity[None]) ** 2, axis=(1, 2)))


def sigreg(
    embeddings: Embeddings, key: Key[Array, ""], *, slices: int = 256, points: int = 17
) -> Scalar:
    """Pulls the distribution of the embeddings towards N(0, I).

    Balestriero and LeCun, "LeJEPA" (arXiv 2511.08544, Algorithm 1): the mean over random directions
    a of the Epps-Pulley statistic of the projections s = a^T x,

        N * integral over [-5, 5] of |mean_n exp(i t s_n) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt,

    by the trapezoidal rule.

    Args:
      embeddings: [N, d], as given: their scale matters.
      key: draws the directions; has to change in every step.
      slices: number of directions.
      points: of the rule, an odd number.

    Returns:
      At least 0. For a normal sample about 1.06 in expectation, whatever N; at collapse onto zero N
      times the integral of (1 - exp(-t^2 / 2))^2 exp(-t^2 / 2), about 0.41 N.

    Example:
      >>> x = jax.random.normal(jax.random.key(0), (512, 4))
      >>> good, far = (sigreg(z, jax.random.key(1)) for z in (x, 3.0 * x))
      >>> bool(good < 2.0 < 50.0 < far)
      True
    """
    x = embeddings.astype(jnp.float32)
    count, width = x.shape
    directions = normalize(jax.random.normal(key, (slices, width)))
    projections = jnp.matmul(x, directions.T, precision="highest")
    # The integrand is even: half of the points, and twice the integral.
    t = jnp.linspace(0.0, 5.0, points // 2 + 1)
    normal = jnp.exp(-0.5 * t**2)
    errors = [
        (jnp.cos(projections * at).mean(0) - value) ** 2 + jnp.sin(projections * at).mean(0) ** 2
        for at, value in zip(t, normal, strict=True)
    ]
    weights = 2.0 * t[1] * normal * jnp.ones_like(t).at[jnp.array([0, -1])].set(0.5)
    return count * jnp.sum(weights * jnp.stack(errors).mean(axis=1))
