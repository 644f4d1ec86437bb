"""What is reported of a protocol, run with one seed and with several."""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from ssl_jax.evaluation import protocols
from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.evaluation.run_protocol import run_protocol
from ssl_jax.names.lookup import choices
from tests.evaluation.tasks import coloured_splits, tiny_task


class Fake(NamedTuple):
    """A protocol that is no file of the menu."""

    run: Callable[[Any, int], dict[str, Any]]
    seeded: bool = True
    together: bool = False

    def load(self):
        return self.run


def test_every_protocol_exists_and_every_file_of_the_menu_has_a_name():
    for protocol in PROTOCOLS.values():
        assert callable(protocol.load()) and protocol.about
        assert not protocol.together or callable(protocol.load_together())
    assert {p.place.split(".")[0] for p in PROTOCOLS.values()} == set(choices(protocols))


@pytest.fixture(scope="module")
def task():
    return tiny_task(coloured_splits())


def test_several_seeds_give_mean_and_deviation(task, monkeypatch):
    scores = {3: 0.25, 5: 0.5, 9: 1.0}
    calls = []

    def protocol(task, seed):
        calls.append(seed)
        return {"top1": scores[seed], "top5": None, "uniformity": -float(seed), "settings": {}}

    monkeypatch.setitem(PROTOCOLS, "fake", Fake(protocol))
    found = run_protocol("fake", task, seeds=(3, 5, 9, 3))
    assert calls == [3, 5, 9] == found["seeds"]
    assert found["top1"] == pytest.approx(1.75 / 3)
    assert found["top1_std"] == pytest.approx(statistics.stdev([0.25, 0.5, 1.0]))
    assert found["uniformity"] == pytest.approx(-17 / 3)
    assert found["top5"] is None and "top5_std" not in found
    assert [run["top1"] for run in found["runs"]] == [0.25, 0.5, 1.0]
    assert found["splits"] == {"fit": 160, "holdout": 40, "test": 80}


def test_a_protocol_that_is_not_seeded_runs_once(task, monkeypatch):
    calls = []

    def protocol(task, seed):
        calls.append(seed)
        return {"top1": 0.5, "top5": 0.75, "settings": {}}

    monkeypatch.setitem(PROTOCOLS, "fake", Fake(protocol, seeded=False))
    found = run_protocol("fake", task, seeds=(0, 1))
    assert len(calls) == 1 and found["seeds"] == [] and found["runs"] == []


def test_seeds_that_train_together_are_those_that_train_alone(task):
    together = run_protocol("moco_cached", task, seeds=(0, 1))
    alone = [run_protocol("moco_cached", task, seeds=(seed,)) for seed in (0, 1)]
    assert [run["top1"] for run in together["runs"]] == [run["top1"] for run in alone]
    assert together["runs"][0]["settings"] == alone[0]["settings"] == together["settings"]
    assert together["top1_std"] > 0
