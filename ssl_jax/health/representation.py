"""Health of a representation: two numbers that show a collapse, complete or dimensional.

On the host in float64: singular values below a thousandth of the largest, which decide the rank,
would be lost in the rounding of a float32 Gram matrix.
"""

import math

import numpy as np
from jaxtyping import Float, Float64


def health(features: Float[np.ndarray, "n d"]) -> dict[str, float]:
    """Both numbers as they are reported.

    Returns:
      feature_std_ratio: `feature_std` over 1 / sqrt(d); 1 where features spread evenly, 0 at a
        collapse.
      effective_rank: see `rankme`.
    """
    return {
        "feature_std_ratio": feature_std(features) * math.sqrt(features.shape[1]),
        "effective_rank": rankme(features),
    }


def feature_std(features: Float[np.ndarray, "n d"]) -> float:
    """Standard deviation over the images of L2-normalised features, mean over the d dimensions.

    1 / sqrt(d) where features spread evenly over the sphere, 0 where all are the same
    (SimSiam, arXiv 2011.10566, Section 4.1).
    """
    return float(unit(features).std(axis=0).mean())


def rankme(features: Float[np.ndarray, "n d"]) -> float:
    """Effective rank: exp of the entropy of the singular values divided by their sum.

    Between 1 and min(n, d), or 0 where all features are 0. The features are not centred (RankMe,
    arXiv 2210.02885, Eq. 2 and 3, without their epsilon).
    """
    features = features.astype(np.float64)
    if features.shape[0] < features.shape[1]:
        features = features.T
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(features.T @ features), 0))
    if not values.any():
        return 0.0
    shares = values[values > 0] / values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def unit(features: Float[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d"]:
    """Features scaled to length 1, in float64 on the host; those that are 0 stay 0."""
    features = features.astype(np.float64)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
