"""Every config builds, and what build decides."""

import importlib
from pathlib import Path

import jax
import numpy as np
import pytest

from ssl_jax import build, pipeline
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.errors import UserError
from ssl_jax.train import Examples

CONFIGS = Path(__file__).parent.parent / "configs"
VARIANTS = {
    "ba_moco": ("", "cifar10", "imagenet"),
    "moco_v2": ("", "cifar100"),
    "moco_v3": ("imagenet100",),
    "simclr": ("", "cifar10"),
}


def splits_of(size, side, channels, *, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (size, side, side, channels), np.uint8)
    labels = np.arange(size, dtype=np.int32) % 3
    return Splits(Dataset(images, labels, ("a", "b", "c")), None, None)


def config_of(name, variant=""):
    return importlib.import_module(f"configs.{name}").get_config(variant)


def test_every_config_is_listed_here():
    names = {path.stem for path in CONFIGS.glob("*.py")} - {"__init__", "common"}
    assert names == set(VARIANTS)


@pytest.mark.parametrize(
    ("name", "variant"), [(name, v) for name, variants in VARIANTS.items() for v in variants]
)
def test_every_config_builds(name, variant):
    config = config_of(name, variant)
    config.batch_size = 64
    config.network.width = 8
    side, channels = (8, 1) if not variant else (config.augment.view0.size, 3)
    run = build.build(config, splits_of(64, side, channels))  # traces init and step
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
    train, held, test = build.load_splits(config)
    assert len(train.images) == 1437 and held is None and len(test.images) == 360
    config.data.limit = 100
    train, held, _ = build.load_splits(config)
    assert len(train.images) == 100 and len(held.images) == round(0.15 * 1437)


def test_several_steps_in_one_program_are_the_same_steps():
    config = config_of("simclr")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    config.network.dtype = "float32"
    run = build.build(config, splits_of(64, 8, 1))
    source = run.source()
    advance = pipeline.Advance(run.step, source, run.shardings)
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
        config.augment[f"view{i}"] = config.augment.view0
    assert build._views(config)[-1] == "view10" and build._views(config)[2] == "view2"
