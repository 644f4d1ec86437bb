"""Every config builds, and what build decides."""

import importlib
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import common
from ssl_jax.data.dataset import Dataset, Loaded, Splits
from ssl_jax.errors import UserError
from ssl_jax.evaluation.compare import compare
from ssl_jax.setup import build, components
from ssl_jax.training import feed
from ssl_jax.training.step import Examples

CONFIGS = Path(__file__).parents[2] / "configs"
MULTI_NETWORK = ("tiny_imagenet", "cifar10_multi_network", "cifar100_multi_network")
# All variants of all configs, "" for `digits`: the first two of each are built always, what comes
# after them by `make test-slow`.
VARIANTS = {
    "align_uniform": ("", "cifar10", "cifar100", "imagenet100"),
    "ba_moco": ("", "cifar10", "cifar100", "imagenet100", "imagenet"),
    "barlow_twins": ("", "cifar10", "cifar100", "imagenet100", "imagenet"),
    "byol": ("", "cifar10", "cifar100", "imagenet100", "stl10", "imagenet", *MULTI_NETWORK),
    "byol_multicrop": ("", "cifar10", "cifar100", "imagenet100", "imagenet"),
    "dino": ("", "cifar10", "cifar100", "imagenet100", "imagenet100_vit"),
    "fast_moco": ("", "cifar10", "cifar100", "tiny_imagenet", "imagenet100", "imagenet"),
    "moco_v2": ("", "cifar10", "cifar100", "imagenet100", "imagenet", *MULTI_NETWORK),
    "moco_v3": ("", "imagenet100", "cifar10", "cifar100", "imagenet"),
    "msbreg": (
        "",
        "stl10_k2",
        "stl10",
        "stl10_k8",
        "cifar10",
        "cifar100",
        "imagenet100",
        "imagenet100_k2",
        "imagenet100_k8",
        "imagenet",
    ),
    "multi_network": ("", "cifar10", "cifar100", "tiny_imagenet", "imagenet100"),
    "nnclr": ("", "cifar10", "cifar100", "imagenet100", *MULTI_NETWORK),
    "simclr": ("", "cifar10", "cifar100", "imagenet100", "stl10", "imagenet", *MULTI_NETWORK),
    "simclr_downscaled": ("", "cifar10", "cifar100", "cifar10_224", "imagenet100"),
    "simclr_vit": (
        "",
        "cifar10",
        "cifar100",
        "imagenet100",
        "imagenet4_6",
        "imagenet4_8",
        "imagenet4_12",
    ),
    "simsiam": ("", "cifar10", "cifar100", "imagenet100", "imagenet", *MULTI_NETWORK),
    "supervised": ("", "cifar10", "cifar100", "imagenet100", "imagenet"),
    "swav": ("", "cifar10", "cifar100", "imagenet100", "imagenet", "imagenet_2x224"),
    "vicreg": ("", "cifar10", "cifar100", "imagenet100", "imagenet"),
    "w_mse": ("", "cifar10", "cifar100", "stl10", "imagenet100", "imagenet"),
}
for base in ("byol", "moco_v2", "simclr", "simsiam"):
    VARIANTS[f"ba_{base}"] = VARIANTS[base]


def splits_of(size, side, channels, *, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (size, side, side, channels), np.uint8)
    labels = np.arange(size, dtype=np.int32) % 3
    return Splits(Dataset(images, labels, ("a", "b", "c")), None, None)


def config_of(name, variant=""):
    return importlib.import_module(f"configs.{name}").get_config(variant)


def test_every_config_is_listed_here():
    names = {path.stem for path in CONFIGS.glob("*.py")} - {"__init__", "common"}
    assert names == set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_listed_here(name):
    with pytest.raises(UserError, match="has no variant 'none'; it has") as refusal:
        config_of(name, "none")
    _, known = str(refusal.value).split("it has ")
    assert set(known.split(", ")) == {variant or "digits" for variant in VARIANTS[name]}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        pytest.param(name, variant, marks=[pytest.mark.slow] if place > 1 else [])
        for name, variants in VARIANTS.items()
        for place, variant in enumerate(variants)
    ],
)
def test_every_config_builds(name, variant):
    config = config_of(name, variant)
    if config.network.name.startswith("resnet"):
        config.network.stages = (1, 1, 1, 1)  # traced in a third of the time
    config.batch_size = -(-config.batch_size // 8) * 8  # the tests have 8 devices
    # Traces init and step: small images become views of the config's size.
    run = build.build(config, splits_of(config.batch_size, 8, 3 if variant else 1))
    assert run.plan.steps == config.epochs
    assert run.fingerprint


@pytest.mark.parametrize(("base_batch", "rate"), [(256, 0.5), (64, 2.0), (0, 1.0)])
def test_the_learning_rate_is_scaled_with_the_batch(base_batch, rate):
    config = config_of("simclr", "cifar10")  # learning rate 1.0, 10 epochs of warm-up
    config.network.stages, config.network.width, config.batch_size = (1,), 4, 128
    config.optimizer.base_batch = base_batch
    run = build.build(config, splits_of(128, 8, 3))  # a step an epoch
    assert float(run.schedule(10)) == pytest.approx(rate)


def test_a_warm_up_that_does_not_fit_is_cut_and_that_is_said():
    plan, notes = build.make_plan(config_of("ba_moco", "cifar10"), 512)
    assert plan.steps == 2000 and notes == ()
    config = config_of("ba_moco", "cifar10")
    config.epochs = 20
    assert build.make_plan(config, 512)[1] == (
        "warm-up of 40 epochs is cut to half of the 20 epochs",
    )


def test_a_limit_is_kept_to_even_if_less_is_held_out():
    config = config_of("ba_moco")
    config.data.limit = 1437
    train, held, test, _ = build.load_splits(config)
    assert len(train.images) == 1437 and held is None and len(test.images) == 360
    config.data.limit = 100
    train, held, *_ = build.load_splits(config)
    assert len(train.images) == 100 and len(held.images) == round(0.15 * 1437)


def test_probes_learn_from_the_labelled_images_where_they_are_apart(monkeypatch):
    def part(size):
        labels = np.arange(size, dtype=np.int32) % 2
        images = np.random.default_rng(size).integers(0, 20, (size, 8, 8, 1), np.uint8)
        bright = np.arange(8) // 4 == labels[:, None]  # the left half or the right half
        return Dataset(images + np.uint8(200) * bright[:, None, :, None], labels, ("a", "b"))

    unlabelled = part(100)._replace(labels=None, classes=())
    monkeypatch.setattr(build, "load", lambda *_, **__: Loaded(unlabelled, part(30), part(40)))
    config = config_of("simclr")
    config.network.stages, config.network.width, config.batch_size = (1,), 4, 16
    config.data.holdout, config.data.limit = 0.25, 64
    run = build.build(config)
    sizes = [len(dataset.images) for dataset in run.splits]
    assert sizes == [64, 10, 30, 30]  # train, holdout, test, labelled
    assert run.splits.train.labels is None and run.splits.bank is run.splits.labelled
    known = sorted(map(bytes, np.concatenate([run.splits.holdout.images, run.splits.bank.images])))
    assert known == sorted(map(bytes, part(40).images))
    assert "knn_top1" in run.probe(run.init())
    found = compare({}, run.splits, batch_size=16)["pixels"]
    assert found["knn_top1"] == found["linear_top1"] == 1.0


def test_several_steps_in_one_program_are_the_same_steps():
    config = config_of("simclr")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    config.network.dtype = "float32"
    run = build.build(config, splits_of(64, 8, 1))
    source = run.source()
    advance = feed.Advance(run.step, source, run.shardings)
    one = run.init()
    losses = []
    for step in range(2):
        one, metrics = advance(one, source.feed(step, 1), 1)
        losses.append(float(metrics["loss"]))
    two, metrics = advance(run.init(), source.feed(0, 2), 2)
    np.testing.assert_allclose(metrics["loss"], losses, rtol=1e-5)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4)
    assert advance.compilations() == 2


def test_views_of_an_image_do_not_depend_on_its_place_in_the_batch():
    config = config_of("simclr")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    run = build.build(config, splits_of(16, 8, 1))
    images = run.splits.train.images
    order = np.random.default_rng(1).permutation(16)
    results = []
    for rows in (np.arange(16), order):
        batch = Examples(images[rows], rows.astype(np.int32))
        results.append(jax.jit(run.step)(run.init(), batch)[1]["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_bfloat16_computes_in_halves_and_keeps_float32():
    losses = {}
    for dtype in ("float32", "bfloat16"):
        config = config_of("ba_moco")
        config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
        config.augment.view0.size = config.augment.view1.size = 8
        config.method.hidden = config.method.out = 8
        config.network.dtype = dtype
        run = build.build(config, splits_of(16, 8, 1))
        images = Examples(run.splits.train.images, np.arange(16, dtype=np.int32))
        train, metrics = jax.jit(run.step)(run.init(), images)
        leaves = jax.tree.leaves((train.params, train.state, train.opt))
        assert all(np.isfinite(leaf).all() for leaf in leaves)
        assert {str(leaf.dtype) for leaf in leaves} <= {"float32", "int32"}
        losses[dtype] = float(metrics["loss"])
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.1)


def test_images_of_five_channels_train_without_colours():
    config = config_of("ba_moco")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    assert build.build(config, splits_of(32, 8, 5)).plan.steps == 2 * config.epochs
    config.augment.view0.grey = 0.2
    with pytest.raises(UserError, match="needs RGB images; these have 5"):
        build.build(config, splits_of(32, 8, 5))


def test_views_are_taken_in_the_order_of_their_numbers():
    config = config_of("simclr")
    for i in range(2, 11):
        config.augment[f"view{i}"] = common.view(size=20 + i)
    assert [spec.size for spec in components.make_views(config)] == [16, 16, *range(22, 31)]
