"""Every loss beside its float64 loop."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax import losses
from tests.losses import loops

KEY = jax.random.key(3)


class Case(NamedTuple):
    """A loss of `views` arrays [N, D], the same as a loop, and its value at collapse."""

    views: int
    loss: Callable
    loop: Callable
    collapsed: float


def cases(n, d):
    """By name; of n embeddings of width d."""
    noise = np.asarray(jax.random.normal(KEY, (n, d)), np.float64)
    labels = np.array([0, 1, 1, -1, -1, 0, *range(2, n)])[:n]
    directions = np.asarray(jax.random.normal(KEY, (256, d)), np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    weights = np.random.default_rng(1).normal(size=(n, d)).astype(np.float32)
    return {
        "info_nce": Case(
            2,
            lambda q, k: losses.info_nce(q, k, 0.2),
            lambda q, k: loops.info_nce(q, k, 0.2),
            np.log(n),
        ),
        "info_nce with a queue": Case(
            3,
            lambda q, k, queue: losses.info_nce(q, k, 0.07, queue),
            lambda q, k, queue: loops.info_nce(q, k, 0.07, queue),
            np.log(1 + n),
        ),
        "nt_xent": Case(
            2,
            lambda a, b: losses.nt_xent(a, b, 0.5),
            lambda a, b: loops.nt_xent(a, b, 0.5),
            np.log(2 * n - 1),
        ),
        "supervised_contrastive": Case(
            2,
            lambda *views: losses.supervised_contrastive(views, labels, 0.3),
            lambda *views: loops.supervised_contrastive(views, labels, 0.3),
            np.log(2 * n - 1),
        ),
        "relational_consistency": Case(
            1,
            lambda q: losses.relational_consistency(q, weights, noise[:-1], 0.3, 0.2),
            lambda q: loops.relational_consistency(q, weights, noise[:-1], 0.3, 0.2),
            np.nan,
        ),
        "sigreg": Case(
            1,
            lambda x: losses.sigreg(x, KEY),
            lambda x: loops.sigreg(x, directions),
            np.nan,
        ),
        "margin_contrastive": Case(
            3,
            lambda a, p, n: losses.margin_contrastive(a, p, n, 0.3),
            lambda a, p, n: loops.margin_contrastive(a, p, n, 0.3),
            0.3,
        ),
        "negative_cosine": Case(2, losses.negative_cosine, loops.negative_cosine, -1.0),
        "cosine_distance": Case(
            2,
            losses.cosine_distance,
            lambda p, z: 2 + 2 * loops.negative_cosine(p, z),
            0.0,
        ),
        "centroid": Case(
            6,
            lambda *views: losses.centroid(views[:3], views[3:]),
            lambda *views: loops.centroid(views[:3], views[3:]),
            0.0,
        ),
        "alignment": Case(2, losses.alignment, lambda a, b: loops.alignment(a, b, 2), 0.0),
        "alignment, alpha 1": Case(
            2,
            lambda a, b: losses.alignment(a, b, alpha=1.0),
            lambda a, b: loops.alignment(a, b, 1),
            0.0,
        ),
        "uniformity": Case(1, losses.uniformity, lambda x: loops.uniformity(x, 2), 0.0),
        "brownian": Case(
            3,
            lambda *views: losses.brownian(views, KEY),
            lambda *views: loops.brownian(views, noise),
            np.mean(noise.sum(axis=1) / np.linalg.norm(noise, axis=1)) / np.sqrt(d),
        ),
        "singular_value": Case(
            2,
            lambda *views: losses.singular_value(views),
            lambda *views: loops.singular_value(views),
            d,
        ),
        "barlow_twins": Case(
            2,
            losses.barlow_twins,
            lambda a, b: loops.barlow_twins(a, b, 0.0051),
            d,
        ),
        "vicreg": Case(2, losses.vicreg, lambda a, b: loops.vicreg(a, b, 25, 25, 1), 24.75),
        "variance_hinge": Case(
            1, losses.variance_hinge, lambda x: loops.vicreg(x, x, 0, 1, 0), 0.99
        ),
        "covariance_penalty": Case(
            1, losses.covariance_penalty, lambda x: loops.vicreg(x, x, 0, 0, 0.5), 0.0
        ),
        "whiten": Case(
            1,
            lambda x: jnp.sum(weights * losses.whiten(x)),
            lambda x: np.sum(weights * loops.whiten(x)),
            np.nan,  # singular
        ),
        "whiten, shrunk": Case(
            1,
            lambda x: jnp.sum(weights * losses.whiten(x, eps=0.1)),
            lambda x: np.sum(weights * loops.whiten(x, eps=0.1)),
            0.0,
        ),
        "code_cross_entropy": Case(
            2,
            lambda q, s: losses.code_cross_entropy(q, s, 0.5),
            lambda q, s: loops.code_cross_entropy(q, s, 0.5),
            d * np.log(d),  # codes of ones
        ),
        "dino": Case(
            3,
            lambda s, t, c: losses.dino(s, t, c[0], teacher_temperature=0.7),
            lambda s, t, c: loops.dino(s, t, c[0], 0.1, 0.7),
            np.log(d),
        ),
    }


def inputs(case, n, d):
    """Rows of unequal length, features with standard deviations on both sides of 1."""
    rng = np.random.default_rng(0)
    scale = np.linspace(0.4, 2.0, d) * np.linspace(0.5, 1.5, n)[:, None]
    return [(rng.normal(size=(n, d)) * scale).astype(np.float32) for _ in range(case.views)]
