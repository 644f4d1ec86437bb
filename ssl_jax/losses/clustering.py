"""Losses on assignments to prototypes: scores for K prototypes instead of embeddings."""

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ssl_jax.losses.embeddings import AnyArray, Scalar

Scores = Float[AnyArray, "n k"]


def sinkhorn(scores: Scores, *, epsilon: float = 0.05, iterations: int = 3) -> Float[Array, "n k"]:
    """Codes: soft assignments of N embeddings to K prototypes that use all prototypes equally.

    SwAV (Caron et al., arXiv 2006.09882, Eq. 3 to 5), in the order of the official code but in log
    space: exp(score / 0.05) reaches e^20, and whole columns of it can underflow.

    Args:
      scores: [N, K] cosines of embeddings and prototypes.
      epsilon: the smaller it is, the harder the assignments.
      iterations: rounds of normalisation, each over prototypes first and embeddings last.

    Returns:
      Codes [N, K] without gradient. With at least one iteration every row sums to 1; column sums
      approach N / K as iterations increase.

    Example:
      >>> both_prefer_the_first = jnp.array([[1.0, 0.0], [1.0, 0.0]])
      >>> print(sinkhorn(both_prefer_the_first).round(3))
      [[0.5 0.5]
       [0.5 0.5]]
    """
    count, prototypes = scores.shape
    log_codes = jnp.asarray(scores, jnp.float32) / epsilon
    log_codes -= jax.nn.logsumexp(log_codes)
    for _ in range(iterations):
        log_codes -= jax.nn.logsumexp(log_codes, axis=0, keepdims=True) + jnp.log(prototypes)
        log_codes -= jax.nn.logsumexp(log_codes, axis=1, keepdims=True) + jnp.log(count)
    return jax.lax.stop_gradient(count * jnp.exp(log_codes))


def code_cross_entropy(codes: Scores, scores: Scores, temperature: ArrayLike) -> Scalar:
    """-sum codes * log softmax(scores / T), mean over the rows.

    SwAV's swapped prediction (arXiv 2006.09882, Eq. 2) takes the codes of one view and the scores
    of another.

    Args:
      codes: [N, K]; rows sum to 1. Gradient flows into them.
      scores: [N, K].
      temperature: T, divides the scores.

    Returns:
      At least the mean entropy of the codes; log K where all scores are equal.

    Example:
      >>> round(float(code_cross_entropy(jnp.eye(2), jnp.zeros((2, 2)), 0.1)), 3)
      0.693
    """
    logits = jnp.asarray(scores, jnp.float32) / temperature
    return jnp.mean(optax.losses.softmax_cross_entropy(logits, jnp.asarray(codes, jnp.float32)))


def dino(
    student: Scores,
    teacher: Scores,
    center: Float[AnyArray, " k"],
    *,
    student_temperature: ArrayLike = 0.1,
    teacher_temperature: ArrayLike,
) -> Scalar:
    """Cross-entropy between the student's view and the centred and sharpened view of the teacher.

    DINO (Caron et al., arXiv 2104.14294, Eq. 2 and Algorithm 1):
    -sum softmax((t - c) / tau_t) log softmax(s / tau_s), mean over the rows.

    Args:
      student: [N, K] scores s of one view.
      teacher: [N, K] scores t of another view. Gradient flows into them; stop it outside.
      center: c, the running mean [K] of the teacher's scores before this batch.
      student_temperature: tau_s.
      teacher_temperature: tau_t; may follow a schedule.

    Returns:
      log K where all of the student's scores are equal: collapse to the uniform distribution.

    Example:
      >>> scores, center = jnp.zeros((2, 4)), jnp.zeros(4)
      >>> round(float(dino(scores, scores, center, teacher_temperature=0.04)), 3)
      1.386
    """
    centred = jnp.asarray(teacher, jnp.float32) - jnp.asarray(center, jnp.float32)[None]
    codes = jax.nn.softmax(centred / teacher_temperature)
    return code_cross_entropy(codes, student, student_temperature)
