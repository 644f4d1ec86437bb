"""Tiny networks and batches on which every method is tried."""

import importlib
from functools import partial

import jax
import jax.numpy as jnp
import optax

from ssl_jax.methods.wrappers.batch_fusion import batch_adaptive
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.networks.resnet import BasicBlock, ResNet
from ssl_jax.optim import optimizers
from ssl_jax.training.step import Examples, init_state, make_train_step
from ssl_jax.types import Batch

BATCH = 16
SIZE = 8
STEPS = 20
MEAN, STD = (0.5,), (0.25,)
BACKBONE = ResNet(stage_sizes=(1, 1), block=BasicBlock, width=4, stem="cifar", mean=MEAN, std=STD)
# Small sizes for each method of the folder, and variants worth a case of their own.
OPTIONS = {
    "dino": ("dino", dict(hidden=8, bottleneck=8, out=16)),
    "swav": (
        "swav",
        dict(hidden=8, out=8, prototypes=8, temperature=0.5, queue_size=32, queue_from=0.0),
    ),
    "simclr": ("simclr", dict(hidden=8, out=8)),
    "moco_v2": ("moco_v2", dict(hidden=8, out=8, queue_size=32)),
    "moco_v2-symmetric": ("moco_v2", dict(hidden=8, out=8, queue_size=32, symmetric=True)),
    "moco_v3": ("moco_v3", dict(hidden=8, out=8)),
    "byol": ("byol", dict(hidden=8, predictor_hidden=12, out=8)),
    "msbreg": ("msbreg", dict(hidden=8, out=8, head_norm="layer")),
    "nnclr": ("nnclr", dict(hidden=8, out=8, predictor_hidden=8, queue_size=32)),
    "fast_moco": ("fast_moco", dict(hidden=8, out=8, predictor_hidden=8)),
    "multi_network": (
        "multi_network",
        dict(projector_widths=(8, 8, 8), predictor_hidden=8, queue_size=32),
    ),
    "simsiam": ("simsiam", dict(hidden=8, out=8, predictor_hidden=8)),
    "barlow_twins": ("barlow_twins", dict(hidden=8, out=8)),
    "vicreg": ("vicreg", dict(hidden=8, out=8)),
    "w_mse": ("w_mse", dict(hidden=8, out=4, sub_batch=8, iterations=2)),
    "align_uniform": ("align_uniform", dict(hidden=8, out=8)),
    "supervised": ("supervised", dict(num_classes=3)),
}
# Sides of the views of a method that does not take two of 8 pixels.
VIEWS = {
    "dino": (SIZE, SIZE, SIZE // 2),
    "swav": (SIZE, SIZE, SIZE // 2),
    "msbreg": (SIZE, SIZE, SIZE),
    "multi_network": (SIZE, SIZE, SIZE),
}
# Parameters that two steps leave as they are, by a part of their path, and why.
STILL = {
    "dino": "last_layer",  # frozen at first
    "swav": "prototypes",  # frozen at first
}
# Behind batch fusion: three of them here, all of them in the slow tests.
FUSED = ("simclr", "moco_v2", "moco_v3")
# With penalties on their embeddings: likewise.
PENALIZED = ("simclr", "moco_v2", "byol")
PENALTIES = dict(brownian=0.1, singular_value=1e-3, uniformity=0.1)
FUSION = BatchFusion(patch_size=4, mean=MEAN, std=STD)


def method_of(case, *, fused=None, penalized=False, backbone=BACKBONE, fusion=FUSION, **changes):
    """The method of a case, behind batch fusion of the views `fused`, with penalties."""
    name, options = OPTIONS[case]
    make = importlib.import_module(f"ssl_jax.methods.{name}").make
    method = make(backbone, STEPS, **{**options, **changes})
    method = method if fused is None else batch_adaptive(method, fusion, fused)
    return regularized(method, **PENALTIES) if penalized else method


def sides_of(case):
    """The sides of the views of a case, in pixels."""
    return VIEWS.get(OPTIONS[case][0], (SIZE, SIZE))


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


def batch_of(case="simclr"):
    """Images as a method of the case sees them."""
    images = images_of()
    keys = jax.random.split(jax.random.key(1), BATCH)
    return Batch(views_of(keys, images.images, sides_of(case)), images.labels)


def program(method, sides=(SIZE, SIZE), rate=0.1):
    """(init, train step) of a method under plain SGD, the last group frozen for ten steps."""
    schedule = optax.constant_schedule(rate)
    sgd = optimizers.make("sgd", schedule)
    optimizer = optimizers.by_group(sgd, sgd, method.groups, freeze_steps=10)
    parts = dict(method=method, optimizer=optimizer, augment=partial(views_of, sides=sides))
    return partial(init_state, **parts), make_train_step(**parts, schedule=schedule)
