"""Losses on embeddings: pure functions without parameters, computed in float32.

Temperatures are dimensionless, cross-entropies in nats. Matrix products use the highest precision:
by default, recent accelerators round the factors to 10 bits or fewer, and these products are a
negligible part of a training step.
"""

from ssl_jax.losses.attraction import alignment, centroid, cosine_distance, negative_cosine
from ssl_jax.losses.clustering import code_cross_entropy, dino, sinkhorn
from ssl_jax.losses.contrastive import (
    info_nce,
    least_info_nce,
    margin_contrastive,
    nt_xent,
    supervised_contrastive,
)
from ssl_jax.losses.decorrelation import (
    barlow_twins,
    covariance_penalty,
    variance_hinge,
    vicreg,
    vicreg_terms,
    whiten,
)
from ssl_jax.losses.dispersion import brownian, sigreg, singular_value, uniformity
from ssl_jax.losses.embeddings import normalize
from ssl_jax.losses.relational import relational_consistency

__all__ = [
    "alignment",
    "barlow_twins",
    "brownian",
    "centroid",
    "code_cross_entropy",
    "cosine_distance",
    "covariance_penalty",
    "dino",
    "info_nce",
    "least_info_nce",
    "margin_contrastive",
    "negative_cosine",
    "normalize",
    "nt_xent",
    "relational_consistency",
    "sigreg",
    "singular_value",
    "sinkhorn",
    "supervised_contrastive",
    "uniformity",
    "variance_hinge",
    "vicreg",
    "vicreg_terms",
    "whiten",
]
