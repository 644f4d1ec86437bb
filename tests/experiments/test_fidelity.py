"""What `SOURCES` of the configs say is what their variants have, and docs/fidelity.md says it."""

from pathlib import Path

import pytest
from ssl_jax.configs import byol

from experiments.engine import fidelity
from ssl_jax.command_line import config_files

DOCUMENT = Path(__file__).parents[2] / "docs" / "fidelity.md"
VARIANTS = [
    (name, variant)
    for name in config_files.names()
    for variant in config_files.variants(name)
    if fidelity.covered(variant)
]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_variant_has_the_values_of_its_sources(name, variant):
    assert list(fidelity.problems(name, variant)) == []


@pytest.mark.parametrize("name", config_files.names())
def test_sources_are_of_variants_and_of_each_once(name):
    found = [variant for variants in config_files.module(name).SOURCES for variant in variants]
    assert sorted(found) == sorted(v for v in config_files.variants(name) if fidelity.covered(v))


def test_a_changed_value_is_found(monkeypatch):
    def changed():
        config = byol.imagenet()
        config.learning_rate = 0.31
        config.augment.view1.solarize = 0.0
        return config

    monkeypatch.setitem(byol.VARIANTS, "imagenet", changed)
    rate, solarize = sorted(fidelity.problems("byol", "imagenet"), reverse=True)
    assert rate.startswith("learning_rate is 0.31, byol, byol_experiment.py")
    assert rate.endswith("has 0.3")
    assert solarize.startswith("augment.view1.solarize is 0.0")


def test_a_source_of_a_setting_that_does_not_exist_is_found(monkeypatch):
    sources = {("imagenet",): {("paper", "Table 1"): {"optimizer.rate": 1.0}, ("rumour", ""): {}}}
    monkeypatch.setattr(byol, "SOURCES", sources)
    missing, origin = sorted(fidelity.problems("byol", "imagenet"), reverse=True)
    assert missing == "there is no origin 'rumour'"
    assert origin == "optimizer.rate: there is no such setting (Table 1)"


def test_what_no_source_mentions_is_ours(monkeypatch):
    monkeypatch.setattr(byol, "SOURCES", {("imagenet",): {("paper", "Table 1"): {"epochs": 300}}})
    *_, head, paper, ours, last = fidelity.card("byol", ["imagenet"]).split("\n")
    assert (head, last) == ("|---|---|---|", "")
    assert paper == "| paper | Table 1 | epochs 300 |"
    assert ours.startswith("| ours |  | batch_size 4096, learning_rate 0.3; `data` holdout 0.01; ")
    assert "`augment.view1` blur 0.1, solarize 0.2; " in ours
    assert "`augment.*` brightness 0.4, contrast 0.4, " in ours and " size 224" in ours
    assert "out 256" in ours and "fusion" not in ours and "seed" not in ours


def test_the_document_is_what_the_configs_say():
    assert DOCUMENT.read_text() == fidelity.page() + "\n"
