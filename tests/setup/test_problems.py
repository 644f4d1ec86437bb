"""The judge finds each mistake under its key, and nothing in the configs as they are."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from ssl_jax.configs import common

from ssl_jax.command_line import config_files
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.errors import UserError
from ssl_jax.setup.build import build
from ssl_jax.setup.diagnosis import memory_problems
from ssl_jax.setup.problems import Facts, problems, refuse_fatal
from tests.refusals import refuses

DIGITS = Facts(size=1222, channels=1, classes=10, labelled=True, held=True)
# Number of images and of classes.
SIZES = {
    "cifar10": (49_000, 10),
    "cifar100": (49_000, 100),
    "stl10": (100_000, 10),
    "tiny_imagenet": (98_000, 200),
}


def get_config(name, variant=""):
    return config_files.module(name).get_config(variant)


def facts_for(config):
    if config.data.name == "digits":
        return DIGITS._replace(recipe=config)
    classes = config.method.get("num_classes", 100)  # as many as a folder happens to have
    size, classes = SIZES.get(config.data.name, (126_000, classes))
    labelled, held = config.data.name != "stl10", config.data.holdout > 0
    return Facts(size, 3, classes, labelled, held, devices=1, recipe=config)


def levels(found):
    return [problem.level for problem in found]


@pytest.mark.parametrize("name", config_files.names())
def test_no_config_is_at_fault(name):
    for variant in config_files.variants(name):
        config = get_config(name, variant)
        assert "fatal" not in levels(problems(config, facts_for(config))), variant
    config = get_config(name)
    assert set(levels(problems(config, facts_for(config)))) <= {"note"}


def changed(name, changes):
    """A small config on digits and what it started from; `method` takes keys that it has not."""
    config = get_config("moco_v2")
    config.batch_size, config.network.stages, config.network.width = 64, (1,), 4
    config.network.batch_norm_groups = 1
    if name != "moco_v2":
        config.method = ConfigDict({"name": name})
    recipe = config.copy_and_resolve_references()
    with config.unlocked():
        config.update_from_flattened_dict(changes)
    return config, recipe


# method, changes, facts that differ, level, key
MISTAKES = [
    ("simclr", {"batch_size": 63}, {"devices": 8}, "fatal", "batch_size"),
    ("simclr", {}, {"size": 63}, "fatal", "batch_size"),
    ("moco_v2", {"optimizer.warmup_epochs": 30.0}, {}, "note", "optimizer.warmup_epochs"),
    ("moco_v2", {"network.batch_norm_groups": 6}, {}, "fatal", "network.batch_norm_groups"),
    ("moco_v2", {"network.batch_norm_groups": 64}, {}, "fatal", "batch_size"),
    ("moco_v2", {"network.batch_norm_groups": 8}, {}, "warning", "batch_size"),
    ("moco_v2", {"method.queue_size": 100}, {}, "fatal", "method.queue_size"),
    ("moco_v2", {"method.queue_size": 32}, {}, "fatal", "method.queue_size"),
    ("moco_v2", {"method.queue_size": 1280}, {}, "warning", "method.queue_size"),
    ("moco_v2", {"method.temperature": 1.0}, {}, "warning", "method.temperature"),
    ("fast_moco", {"method.temperature": 1.0}, {}, "note", "method.temperature"),
    ("fast_moco", {"method.temperature": 2.0}, {}, "warning", "method.temperature"),
    ("moco_v2", {"method.momentum": 0.9999}, {}, "warning", "method.momentum"),
    ("byol", {"method.momentum": 1.0}, {}, "warning", "method.momentum"),
    ("moco_v2", {"learning_rate": 0.03}, {}, "warning", "learning_rate"),
    ("moco_v2", {"optimizer.name": "lars"}, {}, "warning", "learning_rate"),
    ("moco_v2", {"optimizer.base_batch": 1, "learning_rate": 1e-3}, {}, "warning", "learning_rate"),
    ("moco_v2", {"optimizer.name": "sdg"}, {}, "fatal", "optimizer.name"),
    ("moco_v2", {"optimizer.schedule": "linear"}, {}, "fatal", "optimizer.schedule"),
    ("moco_v2", {"optimizer.beta2": 1.5}, {}, "fatal", "optimizer.beta2"),
    ("moco_v2", {"optimizer.weight_decay": float("nan")}, {}, "fatal", "optimizer.weight_decay"),
    ("simclr", {"batch_size": 256}, {}, "warning", "learning_rate"),
    ("msbreg", {"augment.view0.copies": 3}, {}, "warning", "learning_rate"),
    ("moco_v2", {"augment.view1.hue": 0.1}, {}, "fatal", "augment.view1.hue"),
    ("moco_v2", {"augment.view0.grey": 0.2}, {}, "fatal", "augment.view0.grey"),
    ("moco_v2", {"augment.view0.flip": 1.2}, {}, "fatal", "augment.view0.flip"),
    ("moco_v2", {"augment.view1.copies": 2}, {}, "fatal", "augment"),
    ("moco_v2", {"data.holdout": 0.0}, {"held": False}, "warning", "data.holdout"),
    ("moco_v2", {"data.pipeline": "tf"}, {}, "fatal", "data.pipeline"),
    ("moco_v2", {"network.dtype": "float16"}, {}, "fatal", "network.dtype"),
    ("moco_v2", {"network.name": "vgg"}, {}, "fatal", "network.name"),
    ("moco_v2", {"network.stem": "vgg"}, {}, "fatal", "network.stem"),
    ("moco_v2", {"network.depth": 3}, {}, "fatal", "network.depth"),
    ("moco_v2", {"method.nonsense": 3}, {}, "fatal", "method.nonsense"),
    ("moco_v9", {}, {}, "fatal", "method.name"),
    ("byol", {"penalty.brownian": -1.0}, {}, "fatal", "penalty.brownian"),
    (
        "moco_v2",
        {"fusion.enabled": True, "fusion.group_size": 24},
        {},
        "fatal",
        "fusion.group_size",
    ),
    (
        "moco_v2",
        {"fusion.enabled": True, "fusion.group_size": 16},
        {"devices": 8},
        "warning",
        "fusion.group_size",
    ),
    ("moco_v2", {"fusion.enabled": True}, {}, "note", "fusion.group_size"),
    (
        "moco_v2",
        {"fusion.enabled": True, "fusion.group_size": 16, "fusion.patch_size": 5},
        {},
        "fatal",
        "fusion.patch_size",
    ),
    (
        "moco_v2",
        {"fusion.enabled": True, "fusion.group_size": 16, "fusion.views": (2,)},
        {},
        "fatal",
        "fusion.views",
    ),
    ("w_mse", {"method.sub_batch": 48, "method.out": 8}, {}, "fatal", "method.sub_batch"),
    ("w_mse", {"method.sub_batch": 32, "method.out": 32}, {}, "fatal", "method.sub_batch"),
    ("w_mse", {"method.sub_batch": 32, "method.out": 24}, {}, "warning", "method.sub_batch"),
    ("supervised", {"method.num_classes": 9}, {}, "fatal", "method.num_classes"),
    ("supervised", {"method.num_classes": 11}, {}, "warning", "method.num_classes"),
    ("supervised", {}, {"labelled": False}, "fatal", "method.name"),
    (
        "swav",
        {"method.prototypes": 60, "method.use_queue": False},
        {},
        "warning",
        "method.prototypes",
    ),
    (
        "swav",
        {"method.prototypes": 10, "method.use_queue": False, "method.epsilon": 0.001},
        {},
        "warning",
        "method.epsilon",
    ),
    (
        "dino",
        {"method.out": 16, "method.momentum": 0.9, "optimizer.freeze_epochs": 40.0},
        {},
        "warning",
        "optimizer.freeze_epochs",
    ),
]


@pytest.mark.parametrize(("method", "changes", "facts", "level", "key"), MISTAKES)
def test_a_mistake_is_found_and_nothing_else(method, changes, facts, level, key):
    config, recipe = changed(method, changes)
    (found,) = problems(config, DIGITS._replace(recipe=recipe, **facts))
    assert (found.key, found.level) == (f"config.{key}", level)
    assert "\n" not in f"{found}{found.remedy}" and str(found).startswith(found.key)


def test_out_of_range_is_found_before_anything_else():
    for key, value in (
        ("batch_size", 0),
        ("epochs", 0),
        ("seed", -1),
        ("seed", 2**32),
        ("learning_rate", -1.0),
        ("learning_rate", float("nan")),
        ("evaluation.crop", 0.0),
        ("data.holdout", 1.0),
        ("network.stages", (2, 0)),
        ("network.mlp_ratio", float("inf")),
        ("method.hidden", 0),
    ):
        config, _ = changed("moco_v2", {key: value, "method.queue_size": 100})
        (found,) = problems(config, DIGITS)
        assert (found.key, found.level) == (f"config.{key}", "fatal")


def test_keys_that_are_missing_or_unknown_are_named():
    config = get_config("simclr")
    config.optimizer.warm_up_epochs = 3.0
    del config.evaluation
    found = {problem.key: problem for problem in problems(config, DIGITS)}
    assert "config.optimizer.warmup_epochs" in found["config.optimizer.warm_up_epochs"].remedy
    assert {"config.evaluation.size", "config.evaluation.crop"} < set(found)
    assert {problem.level for problem in found.values()} == {"fatal"}


def random_digits():
    images = np.random.default_rng(0).integers(0, 256, (128, 8, 8, 1), np.uint8)
    labels = np.arange(128, dtype=np.int32) % 10
    return Splits(Dataset(images, labels, tuple("0123456789")), None, None)


FATAL = [(m[0], m[1], m[4]) for m in MISTAKES if m[3] == "fatal" and not m[2]]


@pytest.mark.parametrize(("method", "changes", "key"), FATAL)
def test_build_refuses_what_is_fatal(method, changes, key, monkeypatch):
    devices = jax.devices()[:1]
    monkeypatch.setattr("ssl_jax.setup.build.jax.devices", lambda: devices)
    config, _ = changed(method, changes)
    with refuses(f"config.{key}"):
        build(config, random_digits())


def test_what_the_configuration_alone_shows_is_refused_before_any_image_is_read(monkeypatch):
    monkeypatch.setattr("ssl_jax.setup.build.load_data", lambda *_: pytest.fail("images were read"))
    config, _ = changed("moco_v2", {"method.queue_size": 100})
    with refuses("config.method.queue_size", 100):
        build(config)


def test_all_problems_are_listed_the_worst_first():
    changes = {
        "method.temperature": 1.0,
        "method.queue_size": 1300,
        "optimizer.warmup_epochs": 30.0,
        "augment.view0.hue": 0.1,
        "augment.view1.hue": 0.1,
    }
    config, _ = changed("moco_v2", changes)
    found = problems(config, DIGITS)
    assert levels(found) == ["fatal"] * 3 + ["warning"] * 2 + ["note"]
    with pytest.raises(UserError, match="and 2 more: python -m ssl_jax.doctor") as caught:
        refuse_fatal(config, DIGITS)
    assert str(caught.value).startswith(str(found[0])) and "\n" not in str(caught.value)
    refuse_fatal(get_config("moco_v2"), DIGITS)


def test_facts_that_are_not_known_are_no_mistakes():
    config, _ = changed("moco_v2", {"method.queue_size": 1280, "augment.view0.hue": 0.1})
    assert problems(config, Facts()) == []
    assert problems(changed("supervised", {})[0], Facts()) == []


@pytest.mark.parametrize(
    ("needed", "level"), [(80.0, []), (95.0, ["warning"]), (100.0, ["warning"]), (120.0, ["fatal"])]
)
def test_memory_is_compared_with_the_device(needed, level):
    found = memory_problems(needed, 100.0)
    assert levels(found) == level
    assert all(f"{needed:.0f}% of a device's memory" in problem.what for problem in found)


def test_a_small_batch_matters_only_where_there_is_batch_norm():
    def found(network, method, batch=8, **options):
        config = common.base()
        config.network.name, config.batch_size, config.data.name = network, batch, "digits"
        if network.startswith("vit"):
            config.network.patch_size = 8
        config.method = ConfigDict({"name": method, **options})
        facts = DIGITS._replace(size=100_000)
        return [p.level for p in problems(config, facts) if p.key == "config.batch_size"]

    assert found("resnet18", "byol", head_norm="layer") == ["warning"]
    assert found("resnet18", "byol", batch=1) == ["fatal"]
    assert found("vit_tiny", "byol") == ["warning"]
    assert not found("vit_tiny", "byol", head_norm="layer")
    assert not found("vit_tiny", "moco_v2", queue_size=64)
    assert not found("vit_tiny", "dino")
