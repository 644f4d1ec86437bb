"""Health of a representation: two numbers that show a collapse, complete or dimensional.

On the host in float64: singular values below a thousandth of the largest, which decide the rank,
would be lost in the rounding of a float32 Gram matrix.
"""

import math

import numpy as np
from jaxtyping import Float, Float64


def health(features: Float[np.ndarray, "n d"]) -> dict[str, float]:
    """Both measures of health, by name.

    Args:
      features: [N, d].

    Returns:
      feature_std_ratio: `feature_std` divided by 1 / sqrt(d); 1 where features spread evenly, 0 at
        collapse.
      effective_rank: see `rankme`.

    Example:
      >>> {name: round(value, 3) for name, value in health(np.ones((4, 2))).items()}
      {'feature_std_ratio': 0.0, 'effective_rank': 1.0}
    """
    return {
        "feature_std_ratio": feature_std(features) * math.sqrt(features.shape[1]),
        "effective_rank": rankme(features),
    }


def feature_std(features: Float[np.ndarray, "n d"]) -> float:
    """Standard deviation over the images of L2-normalised features, mean over the d dimensions.

    SimSiam, arXiv 2011.10566, Section 4.1.

    Args:
      features: [N, d].

    Returns:
      1 / sqrt(d) where features spread evenly over the sphere, 0 where all are the same.

    Example:
      >>> opposite = np.array([[1.0, 1.0], [-1.0, -1.0]])
      >>> round(feature_std(opposite), 3)
      0.707
    """
    return float(unit(features).std(axis=0).mean())


def rankme(features: Float[np.ndarray, "n d"]) -> float:
    """Effective rank: exp of the entropy of the singular values divided by their sum.

    RankMe, arXiv 2210.02885, Eq. 2 and 3, without their epsilon. The features are not centred.

    Args:
      features: [N, d].

    Returns:
      Between 1 and min(N, d), or 0 where all features are 0.

    Example:
      >>> round(rankme(np.eye(3)), 3), round(rankme(np.ones((3, 3))), 3)
      (3.0, 1.0)
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
    """Scales features to L2 norm 1, in float64 on the host.

    Args:
      features: [N, d].

    Returns:
      Unit vectors [N, d]; rows that are 0 stay 0.

    Example:
      >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).round(3).tolist()
      [[0.6, 0.8], [0.0, 0.0]]
    """
    features = features.astype(np.float64)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
