"""Accuracy of the classifiers of scikit-learn."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from ssl_jax.evaluation.accuracy import Accuracy, accuracy, label_ranks
from ssl_jax.evaluation.features import Labelled


def model_accuracy(model: Any, test: Labelled, *, num_classes: int) -> Accuracy:
    """Accuracy of a fitted model by its probabilities, or else by its decision function.

    Classes that it was not fitted with are never right.
    """
    score = getattr(model, "predict_proba", None) or model.decision_function
    found = score(test.features)
    if found.ndim == 1:  # of two classes, the score of the second
        found = np.stack([-found, found], axis=1)
    scores = np.full((len(found), num_classes), -np.inf, np.float32)
    scores[:, model.classes_] = found
    ranks = label_ranks(jnp.asarray(scores), jnp.asarray(test.labels))
    return accuracy(ranks, num_classes=num_classes)
