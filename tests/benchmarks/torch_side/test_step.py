"""The training step in PyTorch does what that of ssl_jax does."""

import jax
import numpy as np
import optax
import pytest
from comparison.cases import config_of

from ssl_jax.networks.torch_names import to_torch
from ssl_jax.setup.build import build
from ssl_jax.setup.random_images import random_images
from ssl_jax.training.step import Examples, make_train_step
from tests.benchmarks.comparison.small_config import small

RNG = np.random.default_rng(0)


def watched(optimizer):
    """The optimizer, made to keep the gradient in its state."""

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
    torch = pytest.importorskip("torch")
    from torch_side.step import Step

    config = small(config_of(case))
    side = config.data.image_size = 32 if "50" in case else 8
    for view in config.augment.values():
        view.size = side
    setup = build(config, splits=random_images(config, batches=2))
    views = tuple(RNG.random((2, 8, side, side, 3), np.float32))
    train = setup.trainer.init()
    start = jax.device_get((train.params, train.state))
    numbers = np.arange(8)
    images = {"images": setup.data.splits.train.images, "indices": numbers, "views": views}
    theirs = Step(config, setup, start, mode=None, **images)
    ours = jax.jit(
        make_train_step(
            method=setup.model.method,
            optimizer=watched(setup.model.optimizer),
            augment=lambda keys, views: views,
            schedule=setup.model.schedule,
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
            # The changes by the steps, which are small beside the parameters themselves.
            before_, after_ = (to_torch({"params": tree[name]}) for tree in (before, after))
            changed = {key: tensors[key] - torch.tensor(before_[key]) for key in after_}
            same(changed, {key: after_[key] - before_[key] for key in after_}, 1e-3)


def same(tensors, expected, tolerance):
    """Relative to the largest value of a tensor, which counts as at least 5 % of the network's.

    The gradient of a bias in front of BatchNorm is nothing but rounding errors.
    """
    expected = {key: value for key, value in expected.items() if "num_batches" not in key}
    largest = {key: np.abs(value).max() for key, value in expected.items()}
    for key, value in expected.items():
        got = tensors[key].numpy()
        assert np.isfinite(got).all()
        scale = max(largest[key], 0.05 * max(largest.values()))
        np.testing.assert_allclose(got, value, 0, tolerance * scale, err_msg=key)
