"""What a run will need, by the shapes of its arrays: memory, speed of reading, disk, evaluation."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ssl_jax.data.dataset import bytes_of
from ssl_jax.devices.hardware import matmul_peak
from ssl_jax.evaluation.classifiers.nearest import search_bytes
from ssl_jax.evaluation.extract import pixel_width
from ssl_jax.evaluation.final_evaluation import SMALL_SIDE
from ssl_jax.evaluation.protocol_names import AT_END
from ssl_jax.setup.build import Setup
from ssl_jax.setup.components import compute_dtype
from ssl_jax.training import flops
from ssl_jax.training.memory import Memory, predict
from ssl_jax.training.step import Examples
from ssl_jax.types import Batch, Config

GIB = 1024.0**3
SHARE = 0.3  # of the rate of a large matrix product, which a train step may reach


class Needs(NamedTuple):
    """Bytes, except where it says otherwise.

    step: of the train step, on each device: its arguments and what it computes.
    images: of the training images, where they stay on each device.
    checkpoint: of one checkpoint.
    search: of the largest program of the evaluation, on each device.
    features: of the features of all images of the evaluation, on the hosts together.
    """

    step: Memory
    images: int
    checkpoint: int
    search: float
    features: float

    @property
    def on_device(self) -> float:
        """What a device needs while it trains."""
        return self.step.arguments + self.step.temporary + self.images


def needs(setup: Setup, config: Config) -> Needs:
    """Traces the train step, which takes seconds; compiles nothing and reads no image."""
    splits, plan, devices = setup.data.splits, setup.plan, setup.shardings.mesh.size
    state = setup.trainer.shapes()
    images = jax.ShapeDtypeStruct((plan.batch_size, *setup.data.shape), jnp.uint8)
    indices = jax.ShapeDtypeStruct((plan.batch_size,), jnp.int32)
    labels = None if splits.train.labels is None else indices
    examples: Any = Examples(images, indices, labels)  # type: ignore[arg-type]
    step = predict(setup.trainer.step, state, examples, batch=plan.batch_size, devices=devices)
    resident = bytes_of(splits.train) + 4 * len(splits.train.images) if setup.data.resident else 0
    search, features = _evaluation(setup, config, state)
    return Needs(step, resident, _size(state), search, features)


def _evaluation(setup: Setup, config: Config, state: Any) -> tuple[float, float]:
    """(bytes on each device, bytes on the hosts); 0 where nothing is evaluated at the end."""
    splits, options = setup.data.splits, config.evaluation
    labelled = splits.bank.labels is not None and splits.test is not None
    if not labelled or not set(options.at_end) & set(AT_END):
        return 0.0, 0.0
    assert splits.test is not None
    side, channels = setup.model.encoder.image_size, setup.data.shape[-1]
    image = jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)
    encode = setup.model.method.encode
    width = jax.eval_shape(encode, state.params, state.state, image).shape[1]
    small = max(splits.test.images.shape[1:3]) <= SMALL_SIDE
    raw = options.pixels == "always" or (options.pixels == "auto" and small)
    pixels = pixel_width(splits.test.images.shape) if raw else 0
    held = 0 if splits.holdout is None else len(splits.holdout.images)
    images = len(splits.bank.images) + held + len(splits.test.images)
    itemsize = jnp.dtype(options.dtype).itemsize
    devices, test = setup.shardings.mesh.size, len(splits.test.images)
    search = search_bytes(test, max(width, pixels), k=200, devices=devices)
    return search, float(images * itemsize * (2 * width + pixels))


def _size(tree: Any) -> int:
    leaves = jax.tree.leaves(tree)
    return sum(math.prod(leaf.shape) * getattr(leaf.dtype, "itemsize", 8) for leaf in leaves)


def as_text(needs: Needs, config: Config, limit: float | None) -> dict[str, str]:
    """The needs by name, as the doctor prints them."""

    def gib(size: int | float) -> str:
        return f"{size / GIB:.2f} GiB"

    share = "" if limit is None else f" of {gib(limit)} per device, {needs.on_device / limit:.0%}"
    kept = config.keep_checkpoints + 1  # and the best
    found = {
        "predicted memory": f"{gib(needs.on_device)}{share}; by shapes, --compile is exact",
        "    state": gib(needs.step.arguments),
        "    computation": gib(needs.step.temporary),
    }
    if needs.images:
        found["    images"] = gib(needs.images)
    if needs.features:
        found["evaluation"] = (
            f"{gib(needs.search)} on a device, {gib(needs.features)} of features on the hosts "
            "together"
        )
    found["checkpoints"] = f"{gib(kept * needs.checkpoint)} of disk, {kept} at most"
    return found


def reading(setup: Setup, config: Config) -> str:
    """Images a second that the loader must give, by what these devices compute.

    A train step is taken to reach `SHARE` of the rate of a large matrix product.
    """
    rate = SHARE * matmul_peak(compute_dtype(config)) * setup.shardings.mesh.size
    images = setup.plan.batch_size * rate / operations(setup)
    size = math.prod(setup.data.shape) * images / 2**20
    kind = "in device memory" if setup.data.resident else "read and decoded"
    return f"{images:,.0f} a second, {kind} ({size:,.0f} MiB/s of pixels)"


def operations(setup: Setup) -> int:
    """Floating-point operations of the networks in a train step, over all devices."""
    shape = (setup.plan.batch_size, *setup.data.shape)
    images = jax.ShapeDtypeStruct(shape, jnp.uint8)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), shape[0]))
    views = jax.eval_shape(setup.model.augment, keys, images)
    train = setup.trainer.shapes()

    def loss(params: Any) -> Any:
        state, batch = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (train.state, Batch(views))
        )
        return setup.model.method.loss(params, state, batch, jax.random.key(0), jnp.int32(0))[0]

    return flops.trained(loss, train.params)
