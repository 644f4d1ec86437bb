"""What a run is known by, and how its results are kept."""

import json
from operator import attrgetter

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.engine import catalogue, resolved, scales
from experiments.engine.runs import runs_of
from experiments.engine.store import FREE, LATER, Store, identity, settings_hash, settings_of
from ssl_jax.errors import UserError
from ssl_jax.names.dotted import dotted
from ssl_jax.setup.settings import as_json
from tests.experiments.made import row

OTHER = {
    "log_every_steps": 7,
    "keep_checkpoints": 5,
    "checkpoint_every_epochs": 3,
    "probe_every_epochs": 0,
    "data.path": "/elsewhere",
    "data.workers": 2,
    "data.pipeline": "grain",
}


def config_of(seed=0, **changes):
    config = scales.resolve(row("a row"), "smoke", seed=seed, data={})
    for key, value in changes.items():
        change(config, key, value)
    return config


def change(config: ConfigDict, key, value):
    *sections, last = key.split(".")
    for section in sections:
        config = config[section]
    with config.ignore_type():
        config[last] = value


def other(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "_"
    if isinstance(value, tuple | list):
        return (*value, 1)
    return value + 1


def test_another_value_is_known_of_every_key_that_changes_no_number():
    assert set(OTHER) == set(FREE)


@pytest.mark.parametrize("key", FREE)
def test_what_changes_no_number_does_not_change_a_name(key):
    assert identity(config_of(**{key: OTHER[key]})) == identity(config_of())


def test_every_other_key_changes_a_name():
    keys = [key for key in dotted(config_of()) if key not in FREE]
    assert {"seed", "data.limit", "method.coefficient", "augment.view0.crop_scale"} <= set(keys)
    names = {settings_hash(config_of())}
    for key in keys:
        names.add(settings_hash(config_of(**{key: other(attrgetter(key)(config_of()))})))
    assert len(names) == 1 + len(keys)


def test_a_new_option_of_the_method_changes_a_name():
    assert settings_hash(config_of(**{"method.new": 1})) != settings_hash(config_of())


def test_settings_are_those_that_decide_the_numbers():
    settings = settings_of(config_of())
    assert set(dotted(ConfigDict(settings))) == set(dotted(config_of())) - set(FREE) - set(LATER)
    assert settings["method"]["coefficient"] == 1.0


def test_a_key_that_came_later_leaves_earlier_names_as_they_were(monkeypatch):
    earlier = config_of()
    later = config_of()
    later.data.later = 3
    assert settings_hash(later) != settings_hash(earlier)
    monkeypatch.setitem(LATER, "data.later", 3)
    assert settings_hash(later) == settings_hash(earlier)
    later.data.later = 4
    assert settings_hash(later) != settings_hash(earlier)


def test_every_result_is_that_of_a_row():
    """A change of a config or of a scale that orphans results says so here.

    A new key of all configs belongs into LATER; results of a row that means something else now
    are to be deleted, and run again.
    """
    rows = {
        settings_hash(run.config)
        for name in catalogue.names()
        for scale in ("digits", "small")
        for run in runs_of(catalogue.table(name), scale)
    }
    assert {name.split("-")[0] for name in Store().everything()} <= rows


def test_a_configuration_is_the_same_after_it_was_written(tmp_path):
    file = tmp_path / "resolved.json"
    file.write_text(json.dumps(as_json(config_of())))
    again = resolved.get_config(str(file))
    assert identity(again) == identity(config_of())
    assert as_json(again) == as_json(config_of())


def of_images(folder, images):
    """A configuration of these images."""
    folder.mkdir()
    labels = np.arange(len(images)) % 2
    np.savez(folder / "train.npz", image=images, label=labels)
    np.savez(folder / "test.npz", image=images[:4], label=labels[:4])
    changes = {"data.name": "npz", "data.path": str(folder), "data.holdout": 0.0, "data.limit": 0}
    return config_of(**changes)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)


def test_a_name_is_of_the_images_wherever_they_lie(tmp_path, images):
    here, there = of_images(tmp_path / "here", images), of_images(tmp_path / "there", images)
    assert identity(here) == identity(there)
    images[3, 2, 1] ^= 1
    changed = of_images(tmp_path / "changed", images)
    assert identity(changed) != identity(here)
    assert settings_hash(changed) == settings_hash(here)


def test_the_seed_draws_other_images_where_they_are_limited():
    images_of = [identity(config_of(seed)).split("-")[1] for seed in (0, 1)]
    assert images_of[0] != images_of[1]
    whole = {"data.limit": 0}
    assert len({identity(config_of(seed, **whole)).split("-")[1] for seed in (0, 1)}) == 1


def test_images_that_cannot_be_opened_have_no_name(tmp_path):
    missing = {"data.name": "npz", "data.path": str(tmp_path / "missing")}
    with pytest.raises(UserError, match="missing"):
        identity(config_of(**missing))


def test_results_are_found_by_settings_and_by_run(tmp_path, images):
    store = Store(tmp_path / "results" / "runs")
    first = of_images(tmp_path / "first", images)
    second = of_images(tmp_path / "second", 255 - images)
    assert store.of_settings(first) == [] and store.of_run(identity(first)) is None
    store.write(identity(first), {"seconds": 1.0})
    assert store.of_settings(second) == [{"seconds": 1.0}]
    assert store.of_run(identity(second)) is None
    store.write(identity(second), {"seconds": 2.0})
    assert sorted(found["seconds"] for found in store.of_settings(first)) == [1.0, 2.0]
    assert store.of_run(identity(first)) == {"seconds": 1.0}
    assert store.of_settings(config_of()) == []


def test_a_later_result_takes_the_place_of_an_earlier_one(tmp_path):
    store, name = Store(tmp_path), identity(config_of())
    store.write(name, {"evaluations": {}})
    store.write(name, {"evaluations": {"knn": {"top1": 0.5}}})
    assert store.of_settings(config_of()) == [{"evaluations": {"knn": {"top1": 0.5}}}]
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.json"]
