"""How long runs will take on this machine, and how much disk, without running them."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from experiments.engine.runs import Run
from experiments.engine.store import settings_hash
from ssl_jax.data.dataset import Splits
from ssl_jax.run.speed import matmul_peak, work
from ssl_jax.setup.build import build
from ssl_jax.setup.random_images import random_images

# Share of the matrix-product peak that a step reaches; `ssl_jax.benchmark` measures it.
SHARE_ON_CPU, SHARE_ELSEWHERE = 0.07, 0.2
# Training images of the data sets that the tables name.
SIZES = {
    "cifar10": 50_000,
    "cifar100": 50_000,
    "stl10": 100_000,
    "tiny_imagenet": 100_000,
    "digits": 1_437,
    "folder": 1_281_167,
}


class Prediction(NamedTuple):
    """minutes: of training. megabytes: of checkpoints."""

    minutes: float
    megabytes: float


def predict(runs: Sequence[Run]) -> list[Prediction]:
    """What each run will take: operations of its step over the peak of this machine's products."""
    share = SHARE_ON_CPU if jax.default_backend() == "cpu" else SHARE_ELSEWHERE
    speed = share * matmul_peak(jnp.float32) * jax.device_count()
    known: dict[str, Prediction] = {}
    found = []
    for run in runs:
        config = run.config.copy_and_resolve_references()
        config.seed = 0
        key = settings_hash(config)
        if key not in known:
            known[key] = _predict(config, speed)
        found.append(known[key])
    return found


def _predict(config: Any, speed: float) -> Prediction:
    images = config.data.limit or SIZES.get(config.data.name, 50_000)
    images = round(images * (1.0 - config.data.holdout))
    steps = config.epochs * (images // config.batch_size)
    config.data.limit = 0
    splits: Splits = random_images(config, batches=1)
    setup = build(config, splits)
    state = jax.tree.leaves(setup.trainer.shapes())
    size = sum(math.prod(leaf.shape) * 4 for leaf in state)
    seconds = steps * work(setup) / speed
    return Prediction(seconds / 60, size * (config.keep_checkpoints + 1) / 2**20)
