"""What a column of a table asks of a run at a scale, and what there is of it in a result."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.engine import scales
from experiments.engine.table import Column

# What the final evaluation of every run measures, by protocol and metric.
FINAL = {
    ("knn", "top1"): "knn_top1",
    ("ridge", "top1"): "linear_top1",
    ("ridge", "top5"): "linear_top5",
}
# A column of what was logged while training; needs no evaluation.
CURVES = "curve"


class Cell(NamedTuple):
    """What is measured of a run in a column.

    protocol: of `ssl_jax.evaluate`.
    metric: of its result.
    data: name of another data set; empty: the run's own.
    at: share of the epochs after which the encoder is evaluated.
    """

    protocol: str
    metric: str
    data: str = ""
    at: float = 1.0

    @property
    def evaluation(self) -> str:
        """The name of the evaluation that has it, as "svm on voc07"."""
        on = f" on {self.data}" if self.data else ""
        return f"{self.protocol}{on}" + (f" after {self.at:g} of the epochs" if self.at < 1 else "")

    def final(self, result: Mapping[str, Any], who: str = "trained") -> float | None:
        """Its value in the evaluation at the end of training, if that has it.

        who: "trained", or "untrained" and "pixels", beside which it stands there.
        """
        if self.data or self.at < 1 or not result["evaluation"]:
            return None
        name = FINAL.get((self.protocol, self.metric), "")
        return result["evaluation"].get(who, {}).get(name)

    def value(self, result: Mapping[str, Any]) -> float | None:
        """Its value in the result of a run; None where there is none."""
        evaluation = result["evaluations"].get(self.evaluation)
        return self.final(result) if evaluation is None else evaluation.get(self.metric)


def cell_of(column: Column, scale: str) -> Cell | None:
    """What a column asks for; None for what is read off the log, measured elsewhere or left out."""
    if column.protocol in ("", CURVES):
        return None
    at_scale = scales.SCALES[scale]
    data, metric = column.data, column.metric
    if data and at_scale.data != scales.ITSELF:
        if not at_scale.data:
            return None
        # One label per image: no mean average precision.
        data, metric = at_scale.data, "top1" if metric == "map" else metric
    return Cell(scales.protocol_at(scale, column.protocol), metric, data, column.at)
