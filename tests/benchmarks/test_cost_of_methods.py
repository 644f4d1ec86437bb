"""Costs of methods side by side, on a tiny network."""

import cost_of_methods
import pytest

from ssl_jax.run import speed


def test_fusion_costs_little_beside_the_networks(monkeypatch):
    monkeypatch.setattr(speed, "SECONDS_A_ROUND", 0.01)
    monkeypatch.setattr(cost_of_methods, "METHODS", ("moco_v3", "ba_moco"))
    monkeypatch.setattr(cost_of_methods, "AIMS", {("ba_moco", "moco_v3"): 1.03})
    small = ["--config.method.hidden=16", "--config.method.out=8", "--config.augment.view0.size=8"]
    figures = cost_of_methods.measure(
        8, [*cost_of_methods.ON_CPU, *small, "--config.augment.view1.size=8"]
    )
    assert set(figures["methods"]) == {"moco_v3", "ba_moco"} and figures["batch"] == 8
    ratio = figures["ratios"]["ba_moco / moco_v3"]
    own = figures["methods"]
    assert ratio["measured"] == pytest.approx(own["ba_moco"]["ms"] / own["moco_v3"]["ms"])
    assert 1 < ratio["by operations"] < 1.2 and ratio["at most"] == 1.03
    assert "ba_moco / moco_v3" in cost_of_methods.report(figures)
