"""The curves of a run as a picture, with the ranges that a healthy run is expected to stay in."""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssl_jax.health.verdict import COLLAPSED_RANK, COLLAPSED_STD
from ssl_jax.methods.parts.base import Expectation
from ssl_jax.storage.atomic import replacing
from ssl_jax.training.metrics_log import read_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Metrics that are drawn, and the titles of their charts.
PANELS = {
    "loss": "loss",
    "embedding_std_ratio": "std of embeddings, relative to 1 / sqrt(d)",
    "effective_rank": "effective rank of features, held-out images",
    "knn_top1": "kNN accuracy, held-out images",
}


def draw_curves(metrics: Path, expectation: Expectation, picture: Path) -> None:
    """Draws the metrics of a run; does nothing without any, or if matplotlib is not installed.

    Args:
      metrics: metrics.jsonl of the run.
      expectation: what the method expects of its loss.
      picture: the PNG file to write.

    Raises:
      UserError: if it cannot be written.
    """
    if importlib.util.find_spec("matplotlib") is not None:
        lines = read_metrics(metrics)
        if not any("epoch" in line for line in lines):
            return
        with replacing(picture) as part:
            curves(lines, expectation).savefig(part, dpi=100, format="png")


def curves(lines: Sequence[Mapping[str, Any]], expectation: Expectation) -> "Figure":
    """The curves of a run.

    Green marks the range of the loss in a healthy run, red what counts as collapsed; dashed lines
    mark the loss at chance level and evenly spread embeddings.

    Args:
      lines: what was logged.
      expectation: what the method expects of its loss.
    """
    from matplotlib.figure import Figure

    lines = [line for line in lines if "epoch" in line]
    shown = [name for name in PANELS if any(name in line for line in lines)] or ["loss"]
    figure = Figure(figsize=(4.2 * len(shown), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        points = [(line["epoch"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else "")
        axes.set(xlabel="epoch", title=PANELS[name])
        axes.title.set_fontsize("medium")
        _draw_expectation(axes, name, expectation)
    return figure


def _draw_expectation(axes: Any, name: str, expectation: Expectation) -> None:
    """Draws the expected bands and lines; those of the loss do not extend the axes."""
    bottom, top = axes.get_ylim()
    if name == "loss":
        low, high = max(expectation.low, bottom), min(expectation.high, top)
        if low < high and not math.isinf(expectation.high - expectation.low):
            axes.axhspan(low, high, color="tab:green", alpha=0.1)
        if expectation.chance is not None:
            axes.axhline(expectation.chance, color="grey", linestyle="--")
        axes.set_ylim(bottom, top)
    if name == "embedding_std_ratio":
        axes.axhline(1.0, color="grey", linestyle="--")
        axes.axhspan(0.0, COLLAPSED_STD, color="tab:red", alpha=0.15)
    if name == "effective_rank":
        axes.axhspan(0.0, COLLAPSED_RANK, color="tab:red", alpha=0.15)
        axes.set_ylim(0.0, 1.05 * top)
