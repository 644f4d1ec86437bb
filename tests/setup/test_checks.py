"""Each check finds its mistake, in the words of `build`, and nothing in the configs as they are."""

import importlib
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import common
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.errors import UserError
from ssl_jax.setup import build, checks, ranges
from ssl_jax.setup.checks import Facts, Finding

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted({path.stem for path in CONFIGS.glob("*.py")} - {"__init__", "common"})
DIGITS = Facts(size=1222, channels=1, classes=10, labelled=True, held=True)
# Number of images and of classes.
SIZES = {
    "cifar10": (49_000, 10),
    "cifar100": (49_000, 100),
    "stl10": (100_000, 10),
    "tiny_imagenet": (98_000, 200),
}


def get_config(name, variant=""):
    return importlib.import_module(f"configs.{name}").get_config(variant)


def variants(name):
    with pytest.raises(UserError) as caught:
        get_config(name, "no such variant")
    return str(caught.value).split("it has ")[1].split(", ")


def facts_for(config):
    if config.data.name == "digits":
        return DIGITS._replace(recipe=config)
    classes = config.method.get("num_classes", 100)  # as many as a folder happens to have
    size, classes = SIZES.get(config.data.name, (126_000, classes))
    labelled, held = config.data.name != "stl10", config.data.holdout > 0
    return Facts(size, 3, classes, labelled, held, devices=1, recipe=config)


def levels(findings):
    return [finding.level for finding in findings]


@pytest.mark.parametrize("name", NAMES)
def test_no_config_is_at_fault(name):
    for variant in variants(name):
        config = get_config(name, variant)
        ranges.check(config)
        assert "fatal" not in levels(checks.examine(config, facts_for(config))), variant
    config = get_config(name)
    assert set(levels(checks.examine(config, facts_for(config)))) <= {"note"}


def changed(name, changes):
    """A small config on digits and what it started from; `method` takes keys that it has not."""
    config = get_config("moco_v2")
    config.batch_size, config.network.stages, config.network.width = 64, (1,), 4
    config.network.batch_norm_groups = 1
    if name != "moco_v2":
        config.method = type(config)({"name": name})
    recipe = config.copy_and_resolve_references()
    with config.unlocked():
        config.update_from_flattened_dict(changes)
    return config, recipe


# method, changes, facts that differ, level, what is said
MISTAKES = [
    ("simclr", {"batch_size": 63}, {"devices": 8}, "fatal", "63 does not divide evenly over 8"),
    ("simclr", {}, {"size": 63}, "fatal", "64 is larger than the 63"),
    ("moco_v2", {"optimizer.warmup_epochs": 30.0}, {}, "note", "cut to half"),
    ("moco_v2", {"network.batch_norm_groups": 6}, {}, "fatal", "6 BatchNorm groups do not divide"),
    ("moco_v2", {"network.batch_norm_groups": 64}, {}, "fatal", "single image"),
    ("moco_v2", {"network.batch_norm_groups": 8}, {}, "warning", "from only 8 images"),
    ("byol", {"batch_size": 1, "learning_rate": 1e-3}, {}, "fatal", "batch of 1 in 1 groups"),
    ("moco_v2", {"method.queue_size": 100}, {}, "fatal", "queue size 100 .* batch size 64"),
    ("moco_v2", {"method.queue_size": 32}, {}, "fatal", "queue size 32 .* batch size 64"),
    ("moco_v2", {"method.queue_size": 1280}, {}, "warning", "larger than the 1222"),
    ("moco_v2", {"method.temperature": 1.0}, {}, "warning", "temperature 1 on unit vectors"),
    ("fast_moco", {"method.temperature": 1.0}, {}, "note", "temperature 1 on unit vectors"),
    ("fast_moco", {"method.temperature": 2.0}, {}, "warning", "temperature 2 on unit vectors"),
    ("moco_v2", {"method.momentum": 0.9999}, {}, "warning", "follows in 10000 steps, of 760"),
    ("byol", {"method.momentum": 1.0}, {}, "warning", "follows in inf steps"),
    ("moco_v2", {"learning_rate": 0.03}, {}, "warning", "0.03 is very unusual for adamw"),
    ("moco_v2", {"optimizer.name": "lars"}, {}, "warning", "0.002 is very unusual for lars"),
    (
        "moco_v2",
        {"optimizer.base_batch": 1, "learning_rate": 1e-3},
        {},
        "warning",
        "0.064, scaled from a batch of 1, is very unusual",
    ),
    ("simclr", {"batch_size": 256}, {}, "warning", "0.002 is that of batches of 64, .* of 256"),
    ("msbreg", {"augment.view0.copies": 3}, {}, "warning", "that of 2 views, and there are 4"),
    ("moco_v2", {"augment.view1.hue": 0.1}, {}, "fatal", "view spec 1: hue 0.1 needs RGB"),
    ("moco_v2", {"augment.view0.grey": 0.2}, {}, "fatal", "view spec 0: grey 0.2 needs RGB"),
    ("moco_v2", {"data.holdout": 0.0}, {"held": False}, "warning", "no images are held out"),
    (
        "moco_v2",
        {"fusion.enabled": True, "fusion.group_size": 24},
        {},
        "fatal",
        "group_size 24 does not divide the batch of 64",
    ),
    (
        "moco_v2",
        {"fusion.enabled": True, "fusion.group_size": 16},
        {"devices": 8},
        "warning",
        "groups of 16 images do not divide the 8 images of a device",
    ),
    ("moco_v2", {"fusion.enabled": True}, {}, "note", "only go on with batches of 64"),
    ("w_mse", {"method.sub_batch": 48, "method.out": 8}, {}, "fatal", "48 must divide .* 64"),
    ("w_mse", {"method.sub_batch": 32, "method.out": 32}, {}, "fatal", "32 must be larger"),
    ("w_mse", {"method.sub_batch": 32, "method.out": 24}, {}, "warning", "below twice the 24"),
    ("supervised", {"method.num_classes": 9}, {}, "fatal", "9 must be at least the 10 classes"),
    ("supervised", {"method.num_classes": 11}, {}, "warning", "11 is more than the 10 classes"),
    ("supervised", {}, {"labelled": False}, "fatal", "supervised needs labels"),
    (
        "swav",
        {"method.prototypes": 60, "method.use_queue": False},
        {},
        "warning",
        "60 prototypes cannot share the 64 images",
    ),
    (
        "swav",
        {"method.prototypes": 10, "method.use_queue": False, "method.epsilon": 0.001},
        {},
        "warning",
        "one prototype an image",
    ),
    (
        "dino",
        {"method.out": 16, "method.momentum": 0.9, "optimizer.freeze_epochs": 40.0},
        {},
        "warning",
        "last layer of dino would be frozen for all 40 epochs",
    ),
]


@pytest.mark.parametrize(("method", "changes", "facts", "level", "what"), MISTAKES)
def test_a_mistake_is_found_and_nothing_else(method, changes, facts, level, what):
    config, recipe = changed(method, changes)
    found = checks.examine(config, DIGITS._replace(recipe=recipe, **facts))
    assert levels(found) == [level]
    with pytest.raises(UserError, match=what):  # pytest's matching, and one line
        raise UserError(found[0].what)
    assert "\n" not in found[0].what + found[0].remedy
    assert found[0].remedy or level == "note"


def random_digits():
    images = np.random.default_rng(0).integers(0, 256, (128, 8, 8, 1), np.uint8)
    labels = np.arange(128, dtype=np.int32) % 10
    return Splits(Dataset(images, labels, tuple("0123456789")), None, None)


# What `build` accepts all the same.
UNSEEN = ("single image", "9 must be at least the 10 classes")
FATAL = [m for m in MISTAKES if m[3] == "fatal" and not m[2] and m[4] not in UNSEEN]


@pytest.mark.parametrize(("method", "changes", "what"), [(m[0], m[1], m[4]) for m in FATAL])
def test_build_refuses_in_the_same_words(method, changes, what, monkeypatch):
    devices = jax.devices()[:1]
    monkeypatch.setattr("ssl_jax.devices.sharding.jax.devices", lambda: devices)
    config, _ = changed(method, changes)
    with pytest.raises(UserError, match=what) as caught:
        build.build(config, random_digits())
    found = checks.examine(config, checks.facts_of(random_digits(), devices=1))
    assert str(caught.value) in [finding.what for finding in found]


def test_all_findings_are_listed_the_worst_first():
    changes = {
        "method.temperature": 1.0,
        "method.queue_size": 1300,
        "optimizer.warmup_epochs": 30.0,
        "augment.view0.hue": 0.1,
        "augment.view1.hue": 0.1,
    }
    config, _ = changed("moco_v2", changes)
    found = checks.examine(config, DIGITS)
    assert levels(found) == ["fatal"] * 3 + ["warning"] * 2 + ["note"]
    with pytest.raises(UserError, match="and 2 more: python -m ssl_jax.doctor") as caught:
        checks.refuse(config, DIGITS)
    assert str(caught.value).startswith(found[0].what) and "\n" not in str(caught.value)
    checks.refuse(get_config("moco_v2"), DIGITS)


def test_facts_that_are_not_known_are_no_mistakes():
    config, _ = changed("moco_v2", {"method.queue_size": 1280, "augment.view0.hue": 0.1})
    assert checks.examine(config, Facts()) == []
    assert checks.examine(changed("supervised", {})[0], Facts()) == []


@pytest.mark.parametrize(
    ("needed", "level"), [(80.0, []), (95.0, ["warning"]), (100.0, ["warning"]), (120.0, ["fatal"])]
)
def test_memory_is_compared_with_the_device(needed, level):
    found = list(checks.memory(needed, 100.0))
    assert levels(found) == level
    assert all(f"{needed:.0f}% of a device's memory" in finding.what for finding in found)


def test_a_small_batch_matters_only_where_there_is_batch_norm():
    def found(network, method, **options):
        config = common.base()
        config.network.name, config.batch_size = network, 8
        config.method = type(config)({"name": method, "momentum": 0.9, **options})
        return [f for f in checks.examine(config, DIGITS) if "BatchNorm" in f.what]

    (warning,) = found("resnet18", "byol", head_norm="layer")
    assert isinstance(warning, Finding) and warning.level == "warning"
    assert found("vit_tiny", "byol")
    assert not found("vit_tiny", "byol", head_norm="layer")
    assert not found("vit_tiny", "moco_v2") and not found("vit_tiny", "dino")
