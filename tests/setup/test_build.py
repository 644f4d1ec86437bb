"""Every config builds, and what build decides."""

import jax
import numpy as np
import pytest
from ssl_jax.configs import common

from ssl_jax.command_line import config_files
from ssl_jax.data.dataset import Dataset, Loaded, Splits
from ssl_jax.errors import UserError
from ssl_jax.evaluation.final_evaluation import compare_encoders
from ssl_jax.run.probe import make_probe
from ssl_jax.setup import data
from ssl_jax.setup.build import build
from ssl_jax.setup.components import make_views
from ssl_jax.setup.data import load_splits
from ssl_jax.setup.plan import make_plan, plan_problems
from ssl_jax.training.step import Examples
from tests.refusals import refuses


def splits_of(size, side, channels, *, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (size, side, side, channels), np.uint8)
    labels = np.arange(size, dtype=np.int32) % 3
    return Splits(Dataset(images, labels, ("a", "b", "c")), None, None)


def config_of(name, variant=""):
    return config_files.module(name).get_config(variant)


def test_every_config_has_the_bare_variant_first_and_a_tiny_one():
    for name in config_files.names():
        variants = config_files.variants(name)
        assert variants[0] == "digits" and "tiny" in variants, name
        with pytest.raises(UserError, match="has no variant 'none'"):
            config_of(name, "none")


# The first two variants of each config are built always, the others by `make test-slow`.
VARIANTS = [
    pytest.param(name, variant, marks=[pytest.mark.slow] if place > 1 else [])
    for name in config_files.names()
    for place, variant in enumerate(v for v in config_files.variants(name) if v != "tiny")
]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_config_builds(name, variant):
    config = config_of(name, variant)
    if config.network.name.startswith("resnet"):
        config.network.stages = (1, 1, 1, 1)  # traced in a third of the time
    config.batch_size = -(-config.batch_size // 8) * 8  # the tests have 8 devices
    # Traces init and step: small images become views of the config's size.
    channels = 1 if config.data.name == "digits" else 3
    setup = build(config, splits_of(config.batch_size, 8, channels))
    assert setup.plan.steps == config.epochs
    assert setup.data.fingerprint


@pytest.mark.parametrize(("base_batch", "rate"), [(256, 0.5), (64, 2.0), (0, 1.0)])
def test_the_learning_rate_is_scaled_with_the_batch(base_batch, rate):
    config = config_of("simclr", "cifar10")  # learning rate 1.0, 10 epochs of warm-up
    config.network.stages, config.network.width, config.batch_size = (1,), 4, 128
    config.optimizer.base_batch = base_batch
    setup = build(config, splits_of(128, 8, 3))  # a step an epoch
    assert float(setup.model.schedule(10)) == pytest.approx(rate)


def test_a_warm_up_that_does_not_fit_is_cut_and_that_is_said():
    config = config_of("ba_moco", "cifar10")
    assert make_plan(config, 512).steps == 2000 and not list(plan_problems(config, 512))
    config.epochs = 20
    (note,) = plan_problems(config, 512)
    assert note[:2] == ("/optimizer.warmup_epochs", 40) and note.level == "note"


def test_a_limit_is_kept_to_even_if_less_is_held_out():
    config = config_of("ba_moco")
    config.data.limit = 1437
    train, held, test, _ = load_splits(config)
    assert len(train.images) == 1437 and held is None and len(test.images) == 360
    config.data.limit = 100
    train, held, *_ = load_splits(config)
    assert len(train.images) == 100 and len(held.images) == round(0.15 * 1437)


def test_probes_learn_from_the_labelled_images_where_they_are_apart(monkeypatch):
    def part(size):
        labels = np.arange(size, dtype=np.int32) % 2
        images = np.random.default_rng(size).integers(0, 20, (size, 8, 8, 1), np.uint8)
        bright = np.arange(8) // 4 == labels[:, None]  # the left half or the right half
        return Dataset(images + np.uint8(200) * bright[:, None, :, None], labels, ("a", "b"))

    unlabelled = part(100)._replace(labels=None, classes=())
    monkeypatch.setattr(data, "load", lambda *_, **__: Loaded(unlabelled, part(30), part(40)))
    config = config_of("simclr")
    config.network.stages, config.network.width, config.batch_size = (1,), 4, 16
    config.data.holdout, config.data.limit = 0.25, 64
    setup = build(config)
    splits = setup.data.splits
    sizes = [len(dataset.images) for dataset in splits]
    assert sizes == [64, 10, 30, 30]  # train, holdout, test, labelled
    assert splits.train.labels is None and splits.bank is splits.labelled
    known = sorted(map(bytes, np.concatenate([splits.holdout.images, splits.bank.images])))
    assert known == sorted(map(bytes, part(40).images))
    assert "knn_top1" in make_probe(setup)(setup.trainer.init())
    found = compare_encoders({}, splits, batch_size=16)["pixels"]
    assert found["knn_top1"] == found["linear_top1"] == 1.0


def test_several_steps_in_one_program_are_the_same_steps():
    config = config_of("simclr")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    config.network.dtype = "float32"
    setup = build(config, splits_of(64, 8, 1))
    trainer = setup.trainer
    advance, inputs = trainer.advance, trainer.feed.inputs
    one = trainer.init()
    losses = []
    for step in range(2):
        one, metrics = advance(one, inputs(step, 1), 1)
        losses.append(float(metrics["loss"]))
    two, metrics = advance(trainer.init(), inputs(0, 2), 2)
    np.testing.assert_allclose(metrics["loss"], losses, rtol=1e-5)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4)
    assert trainer.compiled.compilations() == 2


def test_views_of_an_image_do_not_depend_on_its_place_in_the_batch():
    config = config_of("simclr")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    setup = build(config, splits_of(16, 8, 1))
    images = setup.data.splits.train.images
    order = np.random.default_rng(1).permutation(16)
    results = []
    for rows in (np.arange(16), order):
        batch = Examples(images[rows], rows.astype(np.int32))
        results.append(jax.jit(setup.trainer.step)(setup.trainer.init(), batch)[1]["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_bfloat16_computes_in_halves_and_keeps_float32():
    losses = {}
    for dtype in ("float32", "bfloat16"):
        config = config_of("ba_moco")
        config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
        config.augment.view0.size = config.augment.view1.size = 8
        config.method.hidden = config.method.out = 8
        config.network.dtype = dtype
        setup = build(config, splits_of(16, 8, 1))
        images = Examples(setup.data.splits.train.images, np.arange(16, dtype=np.int32))
        train, metrics = jax.jit(setup.trainer.step)(setup.trainer.init(), images)
        leaves = jax.tree.leaves((train.params, train.state, train.opt))
        assert all(np.isfinite(leaf).all() for leaf in leaves)
        assert {str(leaf.dtype) for leaf in leaves} <= {"float32", "int32"}
        losses[dtype] = float(metrics["loss"])
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.1)


def test_images_of_five_channels_train_without_colours():
    config = config_of("ba_moco")
    config.batch_size, config.network.stages, config.network.width = 16, (1,), 4
    assert build(config, splits_of(32, 8, 5)).plan.steps == 2 * config.epochs
    config.augment.view0.grey = 0.2
    with refuses("config.augment.view0.grey", 0.2):
        build(config, splits_of(32, 8, 5))


def test_views_are_taken_in_the_order_of_their_numbers():
    config = config_of("simclr")
    for i in range(2, 11):
        config.augment[f"view{i}"] = common.view(size=20 + i)
    assert [spec.size for spec in make_views(config)] == [16, 16, *range(22, 31)]


def test_what_a_method_of_ones_own_raises_is_refused_with_the_line(tmp_path, monkeypatch):
    (tmp_path / "my_build").mkdir()
    (tmp_path / "my_build" / "method.py").write_text(
        "from ssl_jax.methods import simclr\n\n\n"
        "def loss(*args, **kwargs):\n"
        "    raise TypeError('unfinished')\n\n\n"
        "def make(backbone, steps):\n"
        "    return simclr.make(backbone, steps)._replace(loss=loss)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = config_of("simclr", "tiny")
    config.method = {"name": "my_build.method"}
    with refuses("config.method.name", "my_build.method") as caught:
        build(config, splits_of(64, 8, 1))
    assert "method.py, line 5" in str(caught.value)
