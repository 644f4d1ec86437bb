"""The table at the end of a run."""

from typing import Any

ENCODERS = {"trained": "trained encoder", "untrained": "untrained encoder", "pixels": "raw pixels"}


def evaluation_table(evaluation: dict[str, Any] | None) -> str:
    """kNN and linear accuracy of the encoder and of the two baselines that it has to beat.

    Args:
      evaluation: the result of `final_evaluation.compare_encoders`.
    """
    if evaluation is None:
        return "no labels, or no test images: nothing to evaluate by"
    lines = [f"{'test images':20}{'kNN':>9}{'linear':>9}"]
    for key, name in ENCODERS.items():
        scores = evaluation[key]
        lines.append(f"{name:20}{scores['knn_top1']:>9.2%}{scores['linear_top1']:>9.2%}")
    return "\n".join(lines)
