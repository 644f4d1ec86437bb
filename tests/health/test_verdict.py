"""Warnings about metrics that are plainly healthy and plainly not."""

import numpy as np
import pytest

from ssl_jax.health.verdict import warnings
from ssl_jax.methods.parts.base import Expectation
from ssl_jax.training.curves import draw_curves

EXPECTED = Expectation(chance=np.log(255), low=0.0, high=6.0, causes="the temperature")
HEALTHY = {"loss": 4.0, "embedding_std_ratio": 0.8, "effective_rank": 20.0}


@pytest.mark.parametrize(
    ("changes", "progress", "found"),
    [
        ({}, 0.5, ()),
        ({"embedding_std_ratio": 0.05}, 0.5, ("collapse",)),
        ({"embedding_std_ratio": 0.05}, 0.01, ()),  # too early to tell
        ({"effective_rank": 1.2}, 0.5, ("dimensional collapse",)),
        ({"loss": float(np.log(255))}, 0.5, ("chance",)),
        ({"loss": float(np.log(255))}, 0.1, ()),
        ({"loss": 7.0}, 0.5, ("loss",)),
        ({"loss": 7.0}, 0.1, ()),
        ({"loss": -0.1}, 0.5, ("loss",)),
    ],
)
def test_what_is_wrong_has_a_name(changes, progress, found):
    assert tuple(warnings({**HEALTHY, **changes}, EXPECTED, progress=progress)) == found


def test_a_warning_gives_the_metric_and_what_to_look_at():
    text = warnings({**HEALTHY, "embedding_std_ratio": 0.012}, EXPECTED, progress=0.5)["collapse"]
    assert "0.012" in text and "look first at: the temperature" in text


def test_chance_is_measured_by_what_the_loss_can_lose():
    flat = Expectation(chance=4.85, low=3.85)  # InfoNCE at temperature 1
    assert warnings({"loss": 4.83}, flat, progress=0.5) == {}
    assert tuple(warnings({"loss": 4.845}, flat, progress=0.5)) == ("chance",)


def test_without_expectations_only_the_embeddings_are_judged():
    assert warnings({"loss": 1e9}, Expectation(), progress=1.0) == {}


def test_curves_show_what_was_measured_and_what_was_expected(tmp_path):
    from matplotlib.image import imread

    lines = ['{"step": 1, "epoch": 1, "loss": 5.2, "embedding_std_ratio": 0.5}'] * 2
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    pictures = []
    for expectation in (EXPECTED, Expectation()):
        draw_curves(tmp_path / "metrics.jsonl", expectation, tmp_path / "curves.png")
        pictures.append(imread(tmp_path / "curves.png")[..., :3])
    assert pictures[0].shape == (320, 840, 3)  # two panels: what was not measured is not drawn
    red, green, blue = np.moveaxis(pictures[0], -1, 0)
    greenish = (green > red + 0.03) & (green > blue + 0.03)
    assert greenish[:, :420].mean() > 0.2  # the band of the loss
    assert not (
        (pictures[1][..., 1] > pictures[1][..., 0] + 0.03)
        & (pictures[1][..., 1] > pictures[1][..., 2] + 0.03)
    ).any()
