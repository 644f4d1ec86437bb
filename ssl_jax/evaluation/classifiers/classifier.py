"""A linear classifier, trained on an encoder by softmax cross-entropy, or on cached features.

The encoder is frozen (in evaluation mode) or learns with its own rate (in train mode; its batch
statistics follow). The classifier starts from zero. The last epoch counts.
"""

import dataclasses
import math
import time
from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ssl_jax.augment.policy import ViewSpec, make_augment
from ssl_jax.data.dataset import Dataset
from ssl_jax.devices import sharding
from ssl_jax.devices.sharding import Shardings
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.linear import Linear, cross_entropy, descend
from ssl_jax.evaluation.features import Labelled
from ssl_jax.evaluation.recipes import Recipe
from ssl_jax.methods.parts.base import Aux, KeyArray, Method, Step
from ssl_jax.methods.parts.common import apply_in_turn, encode_with
from ssl_jax.optim import optimizers
from ssl_jax.training import feed
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import TrainState, make_train_step
from ssl_jax.types import Batch, Params, State


def train_on_features(features: Labelled, recipe: Recipe, *, num_classes: int, seed: int) -> Linear:
    """The classifier of `recipe` on features that were computed once.

    Raises:
      UserError: if it diverges.
    """
    size = len(features.labels)
    batch_size = min(recipe.batch_size, size)
    optimizer, _ = _optimizer(recipe, recipe.learning_rate, batch_size, size // batch_size)

    @jax.jit
    def train(x: Any, y: Any, key: Any) -> Linear:
        common = {"key": key, "num_classes": num_classes, "epochs": recipe.epochs}
        return descend(x, y, optimizer, batch_size=batch_size, **common)

    head = train(*features, jax.random.key(seed))
    _require_finite(jnp.sum(head.kernel), recipe)
    return head


def train_on_images(
    encoder: Encoder,
    dataset: Dataset,
    recipe: Recipe,
    *,
    num_classes: int,
    seed: int,
    shardings: Shardings,
) -> tuple[Linear, Encoder]:
    """(the classifier of `recipe` on augmented images, the encoder as the training left it).

    Batches are spread over as many devices of `shardings` as divide them; what it returns lies
    replicated on all.

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
    source = _source(dataset, recipe.epochs * steps_per_epoch, batch_size, seed, own)
    train = _start(method, optimizer, seed, own)
    advance = feed.Advance(train_step, source, own)
    try:
        train = _run(train, advance, source, recipe, batch_size, steps_per_epoch)
    finally:
        source.close()
    params, state = jax.device_put(
        jax.device_get((train.params, train.state)), shardings.replicated
    )
    return params["classifier"], _with_variables(encoder, params, state)


def learning_rate(recipe: Recipe, rate: float, batch_size: int) -> float:
    """The peak of a learning rate of the recipe with batches of `batch_size`."""
    return rate * batch_size / 256 if recipe.scaled else rate


def _classifier(encoder: Encoder, num_classes: int, *, frozen: bool) -> Method:
    """The classifier on the encoder, whose parameters are in `state` where it is frozen."""
    chain = {"backbone": encoder.backbone}
    parameters, stats = encoder.variables["params"], encoder.variables["batch_stats"]

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        del key, batch
        head = Linear(jnp.zeros((encoder.features, num_classes)), jnp.zeros(num_classes))
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
    """The optimizer of classifier and encoder, and the learning rate of the classifier."""
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
    schedule = optimizers.learning_rate(
        learning_rate(recipe, rate, batch_size),
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
    """Shardings over as many of the devices as divide the batch, which may be a whole small set."""
    devices = list(shardings.mesh.devices.flat)
    if jax.process_count() > 1:  # every process has devices of its own, and all must take part
        return sharding.make(batch_size, devices)
    return sharding.make(batch_size, devices[: math.gcd(batch_size, len(devices))])


def _start(
    method: Method,
    optimizer: optax.GradientTransformation,
    seed: int,
    shardings: Shardings,
) -> TrainState:
    """The state before the first step, on the devices."""
    # Copies: the steps donate their state, and these arrays are the encoder's own.
    params, state = jax.tree.map(np.array, method.init(jax.random.key(seed), Batch(())))
    start = (np.int32(0), params, state, optimizer.init(params))
    step, params, state, opt = sharding.put(start, shardings.replicated)
    # Made where it is to lie: a typed key cannot be put onto devices of other processes.
    key = jax.jit(jax.random.key, static_argnums=0, out_shardings=shardings.replicated)(seed)
    return TrainState(step, params, state, opt, key)


def _source(
    dataset: Dataset, steps: int, batch_size: int, seed: int, shardings: Shardings
) -> feed.Pipeline:
    common = {"batch_size": batch_size, "seed": seed, "shardings": shardings}
    if feed.fits(dataset):
        return feed.on_device(dataset, **common)
    return feed.streamed(dataset, workers=0, steps=steps, **common)


def _run(
    train: TrainState,
    advance: feed.Advance,
    source: feed.Pipeline,
    recipe: Recipe,
    batch_size: int,
    steps_per_epoch: int,
) -> TrainState:
    """All epochs, each of which waits for its last step and shows a line."""
    steps = recipe.epochs * steps_per_epoch
    with Progress(steps, recipe.epochs, quiet=jax.process_index() > 0) as progress:
        for epoch in range(1, recipe.epochs + 1):
            start, metrics = time.monotonic(), {}
            for step in range((epoch - 1) * steps_per_epoch, epoch * steps_per_epoch):
                train, metrics = advance(train, source.feed(step, 1), 1)
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
    """The encoder as the training left it."""
    variables = {
        "params": {**state, **params}["backbone"],
        "batch_stats": state["stats"]["backbone"],
    }
    return dataclasses.replace(encoder, variables=variables, step=None)


def _require_finite(value: Any, recipe: Recipe) -> None:
    if not np.isfinite(value):
        raise UserError(
            f"the classifier diverged at learning rate {recipe.learning_rate:g}, which does not "
            "suit the features of this encoder; protocols tuned and ridge choose for themselves"
        )
