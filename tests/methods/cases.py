"""Tiny networks and batches on which every method is tried."""

import importlib
from functools import partial

import jax
import jax.numpy as jnp
import optax

from ssl_jax import optim
from ssl_jax.methods.batch_adaptive import batch_adaptive
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.networks.resnet import BasicBlock, ResNet
from ssl_jax.train import Examples, init_state, make_train_step

BATCH = 16
SIZE = 8
STEPS = 20
MEAN, STD = (0.5,), (0.25,)
BACKBONE = ResNet(stage_sizes=(1, 1), block=BasicBlock, width=4, stem="cifar", mean=MEAN, std=STD)
# Small sizes for each method of the folder, and variants worth a case of their own.
OPTIONS = {
    "simclr": ("simclr", dict(hidden=8, out=8)),
    "moco_v2": ("moco_v2", dict(hidden=8, out=8, queue_size=32)),
    "moco_v2-symmetric": ("moco_v2", dict(hidden=8, out=8, queue_size=32, symmetric=True)),
    "moco_v3": ("moco_v3", dict(hidden=8, out=8)),
}
# Behind batch fusion: three of them here, all of them in the slow tests.
FUSED = ("simclr", "moco_v2", "moco_v3")
FUSION = BatchFusion(patch_size=4, mean=MEAN, std=STD)


def method_of(case, *, fused=None, backbone=BACKBONE, fusion=FUSION, **changes):
    """The method of a case, behind batch fusion of the views `fused` if there are any."""
    name, options = OPTIONS[case]
    make = importlib.import_module(f"ssl_jax.methods.{name}").make
    method = make(backbone, STEPS, **{**options, **changes})
    return method if fused is None else batch_adaptive(method, fusion, fused)


def views_of(keys, images):
    """Two noisy views; enough of an augmentation, and quick to compile."""
    images = images.astype(jnp.float32) / 255.0
    noise = [
        jax.vmap(
            lambda key, view=view: jax.random.uniform(
                jax.random.fold_in(key, view), images.shape[1:]
            )
        )(keys)
        for view in range(2)
    ]
    return tuple(0.7 * images + 0.3 * n for n in noise)


def images_of(seed=0, batch=BATCH):
    images = jax.random.randint(
        jax.random.key(seed), (batch, SIZE, SIZE, 1), 0, 256, dtype=jnp.int32
    ).astype(jnp.uint8)
    return Examples(images, jnp.arange(batch) * 7)


def program(method, rate=0.1):
    """(init, train step) of a method under plain SGD."""
    schedule = optax.constant_schedule(rate)
    sgd = optim.make("sgd", schedule)
    optimizer = optim.by_group(sgd, sgd, method.groups)
    parts = dict(method=method, optimizer=optimizer, augment=views_of)
    return partial(init_state, **parts), make_train_step(**parts, schedule=schedule)
