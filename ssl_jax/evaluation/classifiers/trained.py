"""A linear classifier trained by softmax cross-entropy, on an encoder or on cached features.

The encoder is frozen (in evaluation mode) or learns at its own rate (in train mode, its batch
statistics are updated). The classifier starts from zero. The last epoch counts.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ssl_jax.augment.policy import ViewSpec, make_augment
from ssl_jax.data.crop import Crops
from ssl_jax.data.dataset import Dataset
from ssl_jax.devices import sharding
from ssl_jax.devices.sharding import Shardings
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.descent import Run, descend
from ssl_jax.evaluation.classifiers.linear_head import LinearHead, cross_entropy
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.recipes import Recipe
from ssl_jax.methods.parts.base import Aux, KeyArray, Method, Step
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with
from ssl_jax.optim import optimizers
from ssl_jax.optim.schedules import learning_rate
from ssl_jax.training import feed
from ssl_jax.training.compiled_step import CompiledStep
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import TrainState, make_train_step
from ssl_jax.types import Batch, Params, State


def train_on_features(
    features: Labelled,
    runs: Sequence[Run],
    recipe: Recipe,
    *,
    num_classes: int,
    progress: Callable[[int], None] = lambda epoch: None,
) -> list[LinearHead]:
    """Trains the classifier of `recipe` on features that were computed once.

    Args:
      features: of the training images, with their labels.
      runs: seeds of the order, each with the images to train on; trained in one program.
      recipe: how to train; its settings for the encoder and augmentation do not apply.
      num_classes: of the data set.
      progress: called with the number of epochs done.

    Returns:
      The classifier of every run.

    Raises:
      UserError: if the training diverges.
    """
    rows = runs[0].rows
    size = len(features.labels if rows is None else rows)
    batch_size = min(recipe.batch_size, size)
    optimizer, _ = _optimizer(recipe, recipe.learning_rate, batch_size, size // batch_size)
    heads = descend(
        features,
        runs,
        lambda steps, setting: optimizer,
        np.zeros(1, np.float32),  # a grid of a single setting, which the recipe names
        num_classes=num_classes,
        epochs=recipe.epochs,
        batch_size=batch_size,
        progress=progress,
    )
    for head in heads:
        _require_finite(jnp.sum(head.kernel), recipe)
    return [LinearHead(head.kernel[0], head.bias[0]) for head in heads]


def train_on_images(
    encoder: Encoder,
    dataset: Dataset,
    recipe: Recipe,
    *,
    num_classes: int,
    seed: int,
    shardings: Shardings,
) -> tuple[LinearHead, Encoder]:
    """Trains the classifier of `recipe` on augmented images.

    Args:
      encoder: frozen or trained too, as `recipe` says.
      dataset: the labelled training images.
      recipe: how to train.
      num_classes: of the data set.
      seed: of the order of the images and of the augmentation.
      shardings: batches are split over as many of its devices as divide them evenly.

    Returns:
      (the classifier, the encoder after training), both replicated over all devices.

    Raises:
      UserError: if the training diverges.
    """
    size, height, width, channels = dataset.images.shape
    spec = ViewSpec(size=encoder.description.image_size)
    batch_size = min(recipe.batch_size, size)
    steps_per_epoch = size // batch_size
    method = _classifier(encoder, num_classes, frozen=recipe.encoder_learning_rate == 0)
    optimizer, schedule = _optimizers(recipe, batch_size, steps_per_epoch)
    train_step = make_train_step(
        method=method,
        optimizer=optimizer,
        augment=make_augment([spec], (height, width, channels)),
        schedule=schedule,
    )
    own = _divide(batch_size, shardings)
    train = _start(method, optimizer, seed, own)
    crops = feed.host_crops(dataset, [spec], jax.random.key(seed))  # the key of `train`
    source = _source(dataset, recipe.epochs * steps_per_epoch, batch_size, seed, own, crops)
    compiled = CompiledStep(train_step, source, own)
    try:
        train = _run(train, compiled, source, recipe, batch_size, steps_per_epoch)
    finally:
        source.close()
    params, state = jax.device_put(
        jax.device_get((train.params, train.state)), shardings.replicated
    )
    return params["classifier"], _with_variables(encoder, params, state)


def _classifier(encoder: Encoder, num_classes: int, *, frozen: bool) -> Method:
    """The classifier on the encoder, as a method; a frozen encoder's parameters are in `state`."""
    chain = {"backbone": encoder.backbone}
    parameters, stats = encoder.variables["params"], encoder.variables["batch_stats"]

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        del key, batch
        head = LinearHead(jnp.zeros((encoder.features, num_classes)), jnp.zeros(num_classes))
        fixed, learned = {"stats": {"backbone": stats}}, {"classifier": head}
        (fixed if frozen else learned)["backbone"] = parameters
        return learned, fixed

    def encode(
        params: Params, state: State, images: Float[Array, "n h w c"]
    ) -> Float[Array, "n d"]:
        return encode_with(encoder.backbone)({**state, **params}, state, images)

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        assert batch.labels is not None
        if frozen:
            features = (encode(params, state, batch.views[0]),)
        else:
            features, stats = apply_in_turn(chain, params, state["stats"], batch.views, key)
            state = {"stats": stats}
        value = cross_entropy(params["classifier"], features[0], batch.labels)
        return value, Aux(state, {}, features)

    return Method(init, loss, encode)


def _optimizers(
    recipe: Recipe, batch_size: int, steps_per_epoch: int
) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """(optimizer of classifier and encoder, schedule of the classifier's learning rate)."""
    rates = {"classifier": recipe.learning_rate, "backbone": recipe.encoder_learning_rate}
    made: dict[Hashable, Any] = {
        name: _optimizer(recipe, rate, batch_size, steps_per_epoch) for name, rate in rates.items()
    }
    by_name = {name: optimizer for name, (optimizer, _) in made.items()}
    optimizer = optax.partition(by_name, lambda params: {name: name for name in params})
    return optimizer, made["classifier"][1]


def _optimizer(
    recipe: Recipe, rate: float, batch_size: int, steps_per_epoch: int
) -> tuple[optax.GradientTransformation, optax.Schedule]:
    schedule = learning_rate(
        recipe.peak(rate, batch_size),
        recipe.epochs * steps_per_epoch,
        schedule=recipe.schedule,
        drops=[round(epoch * steps_per_epoch) for epoch in recipe.drops],
    )
    optimizer = optimizers.make(
        recipe.optimizer,
        schedule,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
    )
    return optimizer, schedule


def _divide(batch_size: int, shardings: Shardings) -> Shardings:
    """Shardings over as many devices as divide the batch, which may be an entire small data set."""
    devices = list(shardings.mesh.devices.flat)
    if jax.process_count() > 1:  # every process has its own devices, and all must take part
        return sharding.make(batch_size, devices)
    return sharding.make(batch_size, devices[: math.gcd(batch_size, len(devices))])


def _start(
    method: Method,
    optimizer: optax.GradientTransformation,
    seed: int,
    shardings: Shardings,
) -> TrainState:
    """The state before the first step, on the devices."""
    # Copies, because train steps donate their state and these arrays belong to the encoder.
    params, state = jax.tree.map(np.array, method.init(jax.random.key(seed), Batch(())))
    start = (np.int32(0), params, state, optimizer.init(params))
    step, params, state, opt = sharding.put(start, shardings.replicated)
    # Created in place: a typed key cannot be put onto the devices of other processes.
    key = jax.jit(jax.random.key, static_argnums=0, out_shardings=shardings.replicated)(seed)
    return TrainState(step, params, state, opt, key)


def _source(
    dataset: Dataset,
    steps: int,
    batch_size: int,
    seed: int,
    shardings: Shardings,
    crops: Crops | None,
) -> feed.Feed:
    common = {"batch_size": batch_size, "seed": seed, "shardings": shardings}
    if feed.keeps(dataset):
        return feed.on_device(dataset, **common)
    return feed.streamed(dataset, workers=0, steps=steps, crops=crops, **common)


def _run(
    train: TrainState,
    compiled: CompiledStep,
    source: feed.Feed,
    recipe: Recipe,
    batch_size: int,
    steps_per_epoch: int,
) -> TrainState:
    """Trains all epochs; waits for the last step of each and prints a line."""
    steps = recipe.epochs * steps_per_epoch
    with Progress(steps, recipe.epochs, quiet=jax.process_index() > 0) as progress:
        for epoch in range(1, recipe.epochs + 1):
            start, metrics = time.monotonic(), {}
            for step in range((epoch - 1) * steps_per_epoch, epoch * steps_per_epoch):
                train, metrics = compiled(train, source.inputs(step, 1), 1)
            shown = {name: float(metrics[name]) for name in ("loss", "learning_rate")}
            _require_finite(shown["loss"], recipe)
            seconds = time.monotonic() - start
            pace = {
                "epoch": float(epoch),
                "images_per_second": batch_size * steps_per_epoch / seconds,
                "seconds_left": (recipe.epochs - epoch) * seconds,
            }
            progress.update(epoch * steps_per_epoch, {**shown, **pace})
    return train


def _with_variables(encoder: Encoder, params: Params, state: State) -> Encoder:
    """The encoder with its variables after training."""
    variables = {
        "params": {**state, **params}["backbone"],
        "batch_stats": state["stats"]["backbone"],
    }
    return dataclasses.replace(encoder, variables=variables, step=None)


def _require_finite(value: Any, recipe: Recipe) -> None:
    if not np.isfinite(value):
        raise UserError(
            f"the classifier diverged at learning rate {recipe.learning_rate:g}, which does not "
            "suit the features of this encoder; protocols tuned and ridge choose their own settings"
        )
