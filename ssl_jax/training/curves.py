"""The curves of a run as a picture, with what a healthy run looks like drawn in."""

import json
import math
from pathlib import Path
from typing import Any

from ssl_jax.health.verdict import COLLAPSED_RANK, COLLAPSED_STD
from ssl_jax.methods.parts.base import Expectation

PANELS = {
    "loss": "loss",
    "embedding_std_ratio": "std of embeddings, as a part of 1 / sqrt(d)",
    "effective_rank": "effective rank of features, held-out images",
    "knn_top1": "kNN accuracy, held-out images",
}


def draw_curves(metrics: Path, expectation: Expectation, picture: Path) -> None:
    """Draws the lines of metrics.jsonl to a PNG; nothing where matplotlib is missing.

    Green is where the loss of a healthy run lies, dashed the loss at chance or an even spread of
    the embeddings, red what counts as collapsed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    shown = [name for name in PANELS if any(name in line for line in lines)]
    figure = Figure(figsize=(4.2 * len(shown), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        points = [(line["epoch"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else "")
        axes.set(xlabel="epoch", title=PANELS[name])
        axes.title.set_fontsize("medium")
        _draw_expectation(axes, name, expectation)
    figure.savefig(picture, dpi=100)


def _draw_expectation(axes: Any, name: str, expectation: Expectation) -> None:
    """Bands and lines that do not move the limits of the axes, but for the red ones."""
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
