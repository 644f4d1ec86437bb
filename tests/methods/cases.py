"""Tiny networks and batches on which every method is tried."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from ssl_jax import methods
from ssl_jax.command_line import config_files
from ssl_jax.methods.parts.base import Method
from ssl_jax.methods.wrappers.batch_fusion import batch_adaptive
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.names.lookup import choices, find
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.networks.resnet import BasicBlock, ResNet
from ssl_jax.optim import optimizers
from ssl_jax.optim.groups import by_group
from ssl_jax.setup.components import make_views
from ssl_jax.setup.options import plain
from ssl_jax.training.step import Examples, init_state, make_train_step
from ssl_jax.types import Batch

BATCH = 16
SIZE = 8
STEPS = 20
MEAN, STD = (0.5,), (0.25,)
BACKBONE = ResNet(stage_sizes=(1, 1), block=BasicBlock, width=4, stem="cifar", mean=MEAN, std=STD)
# Options that are worth a case of their own, beside every method of the folder.
EXTRA = {"moco_v2-symmetric": ("moco_v2", {"symmetric": True})}


class Case(NamedTuple):
    """A method as it is tried: its `make`, small sizes, and the sides of its views in pixels."""

    make: Callable[..., Method]
    options: dict[str, Any]
    sides: tuple[int, ...]


def case_of_config(tiny: ConfigDict, usual: ConfigDict, **changes: Any) -> Case:
    """The method of a config at the sizes that its variant `tiny` changes of the usual ones."""
    before, options = plain(usual.method), plain(tiny.method)
    make = find(methods, options.pop("name"), "make")
    options = {key: value for key, value in options.items() if value != before.get(key)}
    views = [[spec.size] * spec.copies for spec in make_views(tiny)]
    return Case(make, options | changes, tuple(side for sides in views for side in sides))


@cache
def named(case: str) -> Case:
    """The case of a method of the folder, whose config has its name, or one of EXTRA."""
    name, changes = EXTRA.get(case, (case, {}))
    config = config_files.module(name)
    return case_of_config(config.get_config("tiny"), config.get_config(), **changes)


CASES = [*choices(methods), *EXTRA]
# Behind batch fusion: three of them here, all of them in the slow tests.
FUSED = ("simclr", "moco_v2", "moco_v3")
# With penalties on their embeddings: likewise.
PENALIZED = ("simclr", "moco_v2", "byol")
PENALTIES = dict(brownian=0.1, singular_value=1e-3, uniformity=0.1)
FUSION = BatchFusion(patch_size=4, mean=MEAN, std=STD)


def method_of(case, *, fused=None, penalized=False, backbone=BACKBONE, fusion=FUSION, **changes):
    """The method of a case or of its name, behind batch fusion of the views `fused`, with
    penalties."""
    case = named(case) if isinstance(case, str) else case
    method = case.make(backbone, STEPS, **{**case.options, **changes})
    method = method if fused is None else batch_adaptive(method, fusion, fused)
    return regularized(method, **PENALTIES) if penalized else method


def views_of(keys, images, sides=(SIZE, SIZE)):
    """Noisy views, small ones cut from the corner; enough of an augmentation, quick to compile."""
    images = images.astype(jnp.float32) / 255.0

    def view(index, side):
        key = jax.vmap(lambda key: jax.random.fold_in(key, index))(keys)
        noise = jax.vmap(lambda key: jax.random.uniform(key, images.shape[1:]))(key)
        return (0.7 * images + 0.3 * noise)[:, :side, :side]

    return tuple(view(index, side) for index, side in enumerate(sides))


def images_of(seed=0, batch=BATCH):
    images = jax.random.randint(
        jax.random.key(seed), (batch, SIZE, SIZE, 1), 0, 256, dtype=jnp.int32
    ).astype(jnp.uint8)
    return Examples(images, jnp.arange(batch) * 7, jnp.arange(batch) % 3)


def batch_of(sides=(SIZE, SIZE)):
    """Images as a method with views of these sides sees them."""
    images = images_of()
    keys = jax.random.split(jax.random.key(1), BATCH)
    return Batch(views_of(keys, images.images, sides), images.labels)


def program(method, sides=(SIZE, SIZE), rate=0.1):
    """(init, train step) of a method under plain SGD, the last group frozen for ten steps."""
    schedule = optax.constant_schedule(rate)
    make = partial(optimizers.make, "sgd")
    optimizer = by_group(make, schedule, rate, method.groups, freeze_steps=10)
    parts = dict(method=method, optimizer=optimizer, augment=partial(views_of, sides=sides))
    return partial(init_state, **parts), make_train_step(**parts, schedule=schedule)
