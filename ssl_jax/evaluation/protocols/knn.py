"""Protocol `knn`: what the nearest training images say of the test images, in the usual ways."""

from typing import Any

from ssl_jax.evaluation.accuracy import Accuracy
from ssl_jax.evaluation.classifiers.knn import euclidean_knn_accuracy, knn_accuracy
from ssl_jax.evaluation.final import TEMPERATURE, K
from ssl_jax.evaluation.task import Task

KS = (K, 200)
TEMPERATURES = (TEMPERATURE, 0.1)  # of DINO (arXiv 2104.14294); of MoCo's and SimSiam's code
EUCLIDEAN_K = 5  # of W-MSE (arXiv 2007.06346) and MSBReg (arXiv 2207.03552, Table 1)


def knn(task: Task, seed: int) -> dict[str, Any]:
    """Accuracy on the test images of votes of all labelled training images; nothing is chosen.

    Returns:
      top1 and top5: weighted cosine vote, k = 20, T = 0.07. Others by name: "k200_t0.1_top1",
      "euclidean5_top1", ...; top5 is None (the first) or left out where there are no more than
      five classes. The seed changes nothing.
    """
    del seed
    bank, test, classes = task.features("train"), task.features("test"), task.num_classes
    votes: dict[str, Accuracy] = {}
    for temperature in TEMPERATURES:
        found = knn_accuracy(bank, test, num_classes=classes, ks=KS, temperature=temperature)
        votes |= {f"k{k}_t{temperature}": accuracy for k, accuracy in found.items()}
    found = euclidean_knn_accuracy(bank, test, num_classes=classes, ks=(EUCLIDEAN_K,))
    votes[f"euclidean{EUCLIDEAN_K}"] = found[EUCLIDEAN_K]
    figures: dict[str, Any] = votes[f"k{K}_t{TEMPERATURE}"]._asdict()
    for name, accuracy in votes.items():
        figures |= {
            f"{name}_{which}": value
            for which, value in accuracy._asdict().items()
            if value is not None
        }
    settings = {
        "top1": f"k = {K}, T = {TEMPERATURE}",
        "kK_tT": "K nearest by cosine similarity s, votes weighted by exp(s / T)",
        "euclideanK": "K nearest by distance of the features as they are, equal votes",
        "bank": len(bank.labels),
        "few": "where the bank has fewer than K images, all of them vote",
    }
    return {**figures, "settings": settings}
