"""The PyTorch side of the comparison does what ssl_jax does; the comparison runs and reports."""

import importlib.util
import json

import compare_torch as compare
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ssl_jax.augment import ViewSpec, make_augment
from ssl_jax.benchmark import random_images
from ssl_jax.errors import UserError
from ssl_jax.networks.torch_names import to_torch
from ssl_jax.setup.build import build
from ssl_jax.training.step import Examples, make_train_step

JITTER = dict(jitter_probability=0.8, brightness=0.8, contrast=0.4, saturation=0.4, hue=0.2)
RNG = np.random.default_rng(0)


def small(config):
    """The config with a network and heads that compile fast, and updates that are not small."""
    config.network.width, config.network.stages = 4, (1, 2)
    config.method.hidden, config.method.out = 12, 8
    if config.method.name == "byol":
        config.method.predictor_hidden = 20
    if config.method.name != "simclr":
        config.method.momentum = 0.5
    config.learning_rate = 0.01 if config.optimizer.name == "adamw" else 0.5
    config.optimizer.base_batch, config.optimizer.trust_coefficient = 0, 0.02
    config.optimizer.warmup_epochs = 0.0
    config.epochs = 2  # so that rate and momentum differ from step to step
    return config


def test_cases_are_the_configs():
    config = compare.config_of("byol-resnet18-256")
    assert (config.batch_size, config.data.name, config.method.name) == (256, "cifar10", "byol")
    config = compare.config_of("moco_v3-resnet50-128")
    assert (config.network.name, config.network.stem) == ("resnet50", "imagenet")
    assert [view.size for view in config.augment.values()] == [224, 224]
    config = compare.config_of("simclr-tiny-16")
    assert [view.size for view in config.augment.values()] == [16]
    for name in compare.ON_GPU + compare.ON_CPU:
        assert name.startswith(compare.config_of(name).method.name)


@pytest.mark.parametrize("name", ["simclr", "simclr-resnet18-x", "vicreg-resnet18-256", ""])
def test_there_is_no_such_case(name):
    with pytest.raises(UserError, match=f"there is no case '{name}'.*as simclr-resnet18-512"):
        compare.main(["", f"--cases={name}"])


def test_without_torch_one_line_says_how_to_get_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(UserError, match="pip install torch"):
        compare.main([""])


def figures(ms, share):
    rates = {"ms": ms, "images/s": 1000 / ms, "views/s": 2000 / ms, "share of peak": share}
    return {
        "first loss": 3.5,
        "memory, MiB": 2048.0,
        "with augmentation": rates,
        "ready views": rates,
    }


def test_lines_show_the_faster_of_the_compiled():
    row = {
        "ssl_jax": figures(0.5, 0.3),
        "eager": figures(2.0, 0.1),
        "compiled": figures(1.0, 0.2),
        "captured": {**figures(0.8, 0.25), "memory, MiB": None},
    }
    with_augmentation, ready = compare.lines("simclr-resnet18-512", row)
    assert " ".join(with_augmentation.split()) == (
        "simclr-resnet18-512 with augmentation images/s 2,000 500 1,250 ratios 4.00 1.60 "
        "of peak 0.300 0.100 0.250 GiB 2.0 2.0 2.0"
    )
    assert ready.split()[-5:] == ["first", "loss", "3.5000", "3.5000", "3.5000"]
    del row["compiled"], row["captured"], row["ssl_jax"]
    with_augmentation, _ = compare.lines("simclr-resnet18-512", row)
    assert "images/s - 500 - ratios - -" in " ".join(with_augmentation.split())


def watched(optimizer):
    """The optimizer, which keeps the gradient in its state."""

    def update(gradient, state, params):
        updates, inner = optimizer.update(gradient, state[0], params)
        return updates, (inner, gradient)

    return optax.GradientTransformation(optimizer.init, update)


# All four optimizers of the cases, both blocks, both stems, all heads.
STEPS = ["simclr-tiny-8", "byol-tiny-8", "moco_v3-tiny-8", "byol-resnet50-8"]


@pytest.mark.torch
@pytest.mark.parametrize("case", STEPS)
def test_the_step_is_the_same(case):
    """Losses of two steps, the first gradient; then parameters, targets and batch statistics."""
    pytest.importorskip("torch")
    import torch_step

    config = small(compare.config_of(case))
    side = config.data.image_size = 32 if "50" in case else 8
    for view in config.augment.values():
        view.size = side
    run = build(config, splits=random_images(config, batches=2))
    views = tuple(RNG.random((2, 8, side, side, 3), np.float32))
    train = run.init()
    start = jax.device_get((train.params, train.state))
    numbers = np.arange(8)
    images = {"images": run.splits.train.images, "indices": numbers, "views": views}
    theirs = torch_step.Step(config, run, start, mode=None, **images)
    ours = jax.jit(
        make_train_step(
            method=run.method,
            optimizer=watched(run.optimizer),
            augment=lambda keys, views: views,
            schedule=run.schedule,
        )
    )

    train = train._replace(opt=(train.opt, train.params))
    for number in range(2):
        train, metrics = ours(train, Examples(views, numbers))
        np.testing.assert_allclose(theirs(theirs.ready).item(), metrics["loss"], rtol=1e-5)
        if number == 0:
            for name, network in jax.device_get(train.opt[1]).items():
                module = dict(getattr(theirs.method, name).named_parameters())
                expected = to_torch({"params": network})
                same({key: module[key].grad for key in expected}, expected, 1e-4)

    params, state = jax.device_get((train.params, train.state))
    networks = [(theirs.method, start[0], params, state["stats"])]
    if "target" in state:
        target = state["target"]
        networks.append((theirs.method.target, start[0], target["params"], target["stats"]))
    for method, before, after, stats in networks:
        for name in after:
            tensors = dict(method.named_children())[name].state_dict()
            same(tensors, to_torch({"batch_stats": stats[name]}), 1e-5)
            # What the steps changed, which is small beside the parameters themselves.
            before_, after_ = (to_torch({"params": tree[name]}) for tree in (before, after))
            changed = {key: tensors[key] - torch_step.torch.tensor(before_[key]) for key in after_}
            same(changed, {key: after_[key] - before_[key] for key in after_}, 1e-3)


def same(tensors, expected, tolerance):
    """Relative to the largest value of a tensor, which counts as at least 5 % of the network's.

    A bias in front of BatchNorm has no gradient but what rounding leaves.
    """
    expected = {key: value for key, value in expected.items() if "num_batches" not in key}
    largest = {key: np.abs(value).max() for key, value in expected.items()}
    for key, value in expected.items():
        got = tensors[key].numpy()
        assert np.isfinite(got).all()
        scale = max(largest[key], 0.05 * max(largest.values()))
        np.testing.assert_allclose(got, value, 0, tolerance * scale, err_msg=key)


def numbers(key):
    """What `ssl_jax.augment` draws for a view, in the order of torch_augment.NUMBERS."""
    crop, colour, late = jnp.split(jax.random.split(key, 7), (3, 5))
    jittered, jitter = jax.random.split(colour[0])
    counts = ((crop[1], 22), (crop[2], 1), (jittered, 1), (jitter, 6), (colour[1], 1))
    counts += ((late[0], 2), (late[1], 1))
    return jnp.concatenate([jax.random.uniform(key, (count,)) for key, count in counts])


VIEWS = {
    "SimCLR, two alike": [ViewSpec(size=12, copies=2, grey=0.2, **JITTER)],
    "BYOL, unlike, larger and smaller": [
        ViewSpec(size=12, interpolation="bicubic", blur=1.0, blur_kernel=5, grey=0.2, **JITTER),
        ViewSpec(size=24, interpolation="bicubic", blur=0.5, solarize=0.4, grey=0.5, **JITTER),
    ],
    "a box that never fits": [
        ViewSpec(size=12, crop_scale=(0.9, 1.0), crop_ratio=(2.0, 3.0), **JITTER)
    ],
}


@pytest.mark.torch
@pytest.mark.parametrize("name", VIEWS)
def test_views_are_the_same_for_the_same_random_numbers(name):
    torch = pytest.importorskip("torch")
    import torch_augment

    images = RNG.integers(0, 256, (64, 16, 20, 3), dtype=np.uint8)
    keys = jax.random.split(jax.random.key(3), len(images))
    ours = jax.jit(make_augment(VIEWS[name], images.shape[1:]))(keys, images)

    def drawn(view):
        return jax.vmap(lambda key: numbers(jax.random.fold_in(key, view)))(keys)

    u = torch.tensor(np.stack([drawn(view) for view in range(len(ours))]))
    theirs = torch_augment.Augment(VIEWS[name])(torch.tensor(images), u)
    assert len(theirs) == len(ours)
    for view, expected in zip(theirs, ours, strict=True):
        assert np.isfinite(view.numpy()).all()
        np.testing.assert_allclose(view.permute(0, 2, 3, 1), expected, atol=1e-5)


@pytest.mark.torch
def test_it_runs_and_a_failure_is_one_line(monkeypatch, capsys, tmp_path):
    pytest.importorskip("torch")
    config_of = compare.config_of
    monkeypatch.setattr(compare, "config_of", lambda name: small(config_of(name)))
    monkeypatch.setattr(compare, "SECONDS_A_TURN", 0.0)
    monkeypatch.setattr(compare.benchmark, "matmul_peak", lambda dtype: 1e9)
    theirs = compare.theirs

    def broken(*args):
        if args[-1]:
            raise RuntimeError("no compiler\nand more")
        return theirs(*args)

    monkeypatch.setattr(compare, "theirs", broken)
    path = tmp_path / "table.json"
    compare.main(["", "--cases=simclr-tiny-8", "--rounds=1", f"--json={path}"])
    out = capsys.readouterr().out
    assert "  compiled failed: RuntimeError: no compiler\n" in out
    row = json.loads(path.read_text())["cases"]["simclr-tiny-8"]
    assert "Traceback" in row["failed"]["compiled"]
    assert row["views"] == 2
    for side in ("ssl_jax", "eager"):
        assert row[side]["ready views"]["images/s"] > 0
        assert row[side]["first loss"] == pytest.approx(row["ssl_jax"]["first loss"], rel=1e-5)
