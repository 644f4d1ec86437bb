"""The table at the end of a run."""

from typing import Any

ENCODERS = {"trained": "trained encoder", "untrained": "untrained encoder", "pixels": "raw pixels"}


def evaluation_table(evaluation: dict[str, Any] | None) -> str:
    """kNN and linear accuracy of the encoder and of the two baselines that it has to beat.

    Args:
      evaluation: the result of `final_evaluation.compare_encoders`.
    """
    if evaluation is None:
        return (
            "nothing was evaluated: there are no labels or no test images, or "
            "config.evaluation.at_end names neither knn nor ridge"
        )
    columns = {
        key: name
        for key, name in {"knn_top1": "kNN", "linear_top1": "linear"}.items()
        if key in evaluation["trained"]
    }
    lines = [f"{'test images':20}" + "".join(f"{name:>9}" for name in columns.values())]
    for encoder, name in ENCODERS.items():
        if scores := evaluation.get(encoder):
            lines.append(f"{name:20}" + "".join(f"{scores[key]:>9.2%}" for key in columns))
    return "\n".join(lines)
