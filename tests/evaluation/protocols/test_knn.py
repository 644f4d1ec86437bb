"""The protocol `knn` against scikit-learn on the same features."""

import json

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ssl_jax.evaluation.protocols.knn import knn
from tests.evaluation.tasks import coloured_splits, tiny_task


def test_knn_is_that_of_scikit_learn() -> None:
    task = tiny_task(coloured_splits())
    found = knn(task, 0)
    bank, test = task.features("train"), task.features("test")
    assert len(bank.labels) == found["settings"]["bank"] == 200
    expected = {"euclidean5": KNeighborsClassifier(5)}
    for temperature in (0.07, 0.1):
        for k in (20, 200):
            expected[f"k{k}_t{temperature}"] = KNeighborsClassifier(
                k,
                metric="cosine",
                algorithm="brute",
                weights=lambda distance, t=temperature: np.exp(-distance / t),
            )
    for name, oracle in expected.items():
        assert found[f"{name}_top1"] == pytest.approx(oracle.fit(*bank).score(*test)), name
        assert 0.2 < found[f"{name}_top1"] < found[f"{name}_top5"] <= 1
    assert (found["top1"], found["top5"]) == (found["k20_t0.07_top1"], found["k20_t0.07_top5"])
    assert found["k20_t0.07_top1"] != found["euclidean5_top1"] != found["k200_t0.1_top1"]
    assert len(found) == 2 + 2 * 5 + 1 and knn(task, 1) == found
    json.dumps(found)
