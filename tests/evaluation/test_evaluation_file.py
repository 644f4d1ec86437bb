"""The file of an evaluation and the line that is printed of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ssl_jax.evaluation.evaluation_file import summary, write_evaluation

EVALUATION: dict[str, Any] = {
    "protocol": "knn",
    "data": "digits",
    "data_fingerprint": "f",
    "step": 3,
    "seeds": [],
    "top1": 0.25,
    "top5": None,
}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "knn on digits: top-1 25.00%"),
        ({"top5": 0.5}, "knn on digits: top-1 25.00%, top-5 50.00%"),
        ({"top1_std": 0.01, "seeds": [0, 2]}, "knn on digits: top-1 25.00% ± 1.00% (seeds 0, 2)"),
        (
            {"top1": None, "alignment": 0.5, "effective_rank": 3.14159},
            "knn on digits: alignment 0.50, rank 3.14",
        ),
    ],
)
def test_the_line_has_the_metrics_and_the_seeds(changes: dict[str, Any], line: str) -> None:
    assert summary(EVALUATION | changes) == line


def test_another_evaluation_is_replaced_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "knn-digits.json"
    for changes, note in (
        ({}, ""),
        ({"top1": 0.5}, ""),  # a repetition
        ({"step": 4}, "another step"),
        ({"step": 5, "data_fingerprint": "g"}, "another step and data_fingerprint"),
    ):
        evaluation = EVALUATION | changes
        line = write_evaluation(tmp_path, evaluation)
        assert str(file) in line and line.endswith(note or file.name)
        assert json.loads(file.read_text()) == evaluation
