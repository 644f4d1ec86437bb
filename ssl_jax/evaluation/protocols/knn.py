"""Protocol `knn`: votes of the nearest training images, in the variants that papers use."""

from typing import Any

from ssl_jax.evaluation.accuracy import Accuracy
from ssl_jax.evaluation.classifiers.knn import (
    KNN_K,
    KNN_TEMPERATURE,
    euclidean_knn_accuracy,
    weighted_votes,
)
from ssl_jax.evaluation.task import Task

KS = (KNN_K, 200)
TEMPERATURES = (KNN_TEMPERATURE, 0.1)  # DINO (arXiv 2104.14294); the code of MoCo and SimSiam
EUCLIDEAN_K = 5  # W-MSE (arXiv 2007.06346) and MSBReg (arXiv 2207.03552, Table 1)


def knn(task: Task, seed: int) -> dict[str, Any]:
    """Accuracy on the test images by votes of all labelled training images; nothing is chosen.

    Args:
      task: the encoder and the images.
      seed: has no effect.

    Returns:
      top1 and top5: weighted cosine vote, k = 20, T = 0.07.
      k200_t0.1_top1, euclidean5_top1, ...: every vote by its name.
      settings: how they were obtained.
      With five classes or fewer top5 is None, and the top5 of the named votes are left out.
    """
    del seed
    bank, test, classes = task.features("train"), task.features("test"), task.num_classes
    votes: dict[str, Accuracy] = {}
    found = weighted_votes(bank, test, classes, ks=KS, temperatures=TEMPERATURES)
    votes |= {f"k{k}_t{temperature}": accuracy for (k, temperature), accuracy in found.items()}
    by_k = euclidean_knn_accuracy(bank, test, num_classes=classes, ks=(EUCLIDEAN_K,))
    votes[f"euclidean{EUCLIDEAN_K}"] = by_k[EUCLIDEAN_K]
    metrics: dict[str, Any] = votes[f"k{KNN_K}_t{KNN_TEMPERATURE}"]._asdict()
    for name, accuracy in votes.items():
        metrics |= {
            f"{name}_{which}": value
            for which, value in accuracy._asdict().items()
            if value is not None
        }
    settings = {
        "top1": f"k = {KNN_K}, T = {KNN_TEMPERATURE}",
        "kK_tT": "K nearest by cosine similarity s, votes weighted by exp(s / T)",
        "euclideanK": "K nearest by distance of the features as they are, equal votes",
        "bank": len(bank.labels),
        "few": "where the bank has fewer than K images, all of them vote",
    }
    return {**metrics, "settings": settings}
