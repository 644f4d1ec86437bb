"""From a configuration to the parts of a run; with `validate`, what reads a ConfigDict."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ssl_jax.augment.policy import make_augment
from ssl_jax.data import dataset as data
from ssl_jax.data.load import load
from ssl_jax.data.order import steps_per_epoch
from ssl_jax.data.statistics import channel_statistics
from ssl_jax.devices import sharding
from ssl_jax.encoder.encoder import Description, Encoder, load_encoder, prepare
from ssl_jax.errors import UserError
from ssl_jax.evaluation.features import extract
from ssl_jax.evaluation.while_training import figures
from ssl_jax.health.verdict import warnings
from ssl_jax.methods.parts.base import Expectation, Method
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.setup.components import (
    Statistics,
    describe,
    make_fusion,
    make_method,
    make_optimizer,
    make_views,
)
from ssl_jax.setup.ranges import check
from ssl_jax.training import feed
from ssl_jax.training.loop import Hooks, Plan
from ssl_jax.training.step import (
    Augment,
    Examples,
    Metrics,
    TrainState,
    init_state,
    make_train_step,
)
from ssl_jax.types import Config

# Images that the figures shown during training are computed from.
PROBE_BANK = 5000
Encode = Callable[[Float[Array, "n h w c"]], Float[Array, "n d"]]


class Run(NamedTuple):
    """A configuration made concrete.

    fingerprint: of the training images. notes: what was changed of the configuration, in words.
    views: how many `augment` makes of an image. fusion: the block that `method` has in front, whose
    parameters are under "fusion".
    init: the state before the first step, on the devices. step: the train step, not compiled.
    source: where its images come from, opened at the first call. probe: figures on held-out
    images. description: of the encoder. encoder: train state -> the function that evaluation sees.
    """

    splits: data.Splits
    fingerprint: str
    notes: tuple[str, ...]
    plan: Plan
    shardings: sharding.Shardings
    source: Callable[[], feed.Pipeline]
    augment: Augment
    views: int
    method: Method
    fusion: BatchFusion | None
    schedule: optax.Schedule
    optimizer: optax.GradientTransformation
    init: Callable[[], TrainState]
    step: Callable[[TrainState, Examples], tuple[TrainState, Metrics]]
    description: Description
    encoder: Callable[[TrainState], Encode]
    probe: Callable[[TrainState], Mapping[str, float]] | None
    evaluation_batch_size: int

    def hooks(self) -> Hooks:
        """What the training loop calls."""
        source = self.source()
        advance = feed.Advance(self.step, source, self.shardings)
        return Hooks(advance, source.feed, self.probe, self.warnings)

    def shapes(self) -> TrainState:
        """Shapes, types and shardings of the train state."""
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=self.shardings.replicated
            ),
            jax.eval_shape(self.init),
        )

    def lower(self) -> jax.stages.Lowered:
        """The train step as training runs it, not compiled."""
        source = self.source()
        advance = feed.Advance(self.step, source, self.shardings)
        return advance.lower(self.shapes(), source.feed(0, 1))

    @property
    def expectation(self) -> Expectation:
        """What the method expects of its loss."""
        return self.method.expect(self.plan.batch_size, self.views)

    def warnings(self, values: Mapping[str, float], progress: float) -> dict[str, str]:
        """What figures of this run say is wrong; see `report.verdict`."""
        return warnings(values, self.expectation, progress=progress)


def build(config: Config, splits: data.Splits | None = None) -> Run:
    """Everything that a run needs; reads the data set, unless `splits` are given.

    Raises:
      UserError: for anything in the configuration that cannot work.
    """
    check(config)
    shardings = sharding.make(config.batch_size)
    splits = load_splits(config) if splits is None else splits
    # Before images are read into memory: of files it is names and sizes.
    fingerprint = data.fingerprint(splits.train)
    plan, notes = make_plan(config, len(splits.train.images))
    if resident := _is_resident(config, splits.train):
        train, *others = splits
        splits = data.Splits(
            data.in_memory(train), *(part and data.in_memory(part) for part in others)
        )
    _, height, width, channels = splits.train.images.shape
    specs = make_views(config)
    views_of = make_augment(specs, (height, width, channels))
    weights = config.network.weights
    start = load_encoder(weights) if weights else None
    statistics = _statistics(config, splits.train, start)
    description = describe(config, statistics, channels)
    method = make_method(config, plan.steps, description, start)
    schedule, optimizer = make_optimizer(
        config, method, steps=plan.steps, steps_per_epoch=plan.steps_per_epoch
    )
    parts = {"method": method, "optimizer": optimizer, "augment": views_of}
    step = make_train_step(**parts, schedule=schedule)
    init, key = partial(init_state, **parts), jax.random.key(config.seed)
    blank = (config.batch_size, height, width, channels)
    _try(init, step, key, blank, labelled=splits.train.labels is not None)
    initial = jax.jit(
        lambda key: init(key, jnp.zeros(blank, jnp.uint8)), out_shardings=shardings.replicated
    )
    encoder = _encoder(description, method)
    return Run(
        splits=splits,
        fingerprint=fingerprint,
        notes=notes,
        plan=plan,
        shardings=shardings,
        source=cache(lambda: _source(config, splits.train, plan, shardings, resident)),
        augment=views_of,
        views=sum(spec.copies for spec in specs),
        method=method,
        fusion=make_fusion(config, description),
        schedule=schedule,
        optimizer=optimizer,
        init=lambda: initial(key),
        step=step,
        description=description,
        encoder=encoder,
        probe=_probe(config, splits, encoder, shardings),
        evaluation_batch_size=sharding.shared_batch(
            config.evaluation.batch_size, shardings.mesh.size
        ),
    )


def _try(
    init: Callable[..., Any],
    step: Callable[..., Any],
    key: Any,
    shape: tuple[int, ...],
    *,
    labelled: bool,
) -> None:
    """What does not fit together says so here, before anything is compiled."""
    images = jax.ShapeDtypeStruct(shape, jnp.uint8)
    indices = jax.ShapeDtypeStruct(shape[:1], jnp.int32)
    state = jax.eval_shape(init, key, images)
    examples: Any = Examples(images, indices, indices if labelled else None)  # type: ignore[arg-type]
    jax.eval_shape(step, state, examples)


def load_splits(config: Config) -> data.Splits:
    """Training images, held-out, test and labelled images, as `config.data` says."""
    side = config.data.image_size
    if config.data.name == "folder" and not side:  # people's files differ in size
        side = max(config.augment[name].size for name in config.augment)
    train, test, labelled = load(
        config.data.name,
        path=config.data.path,
        image_size=side,
        channels=config.data.channels,
        classes=config.data.classes,
    )
    size, limit = len(train.images), config.data.limit
    if labelled is not None:  # probes need labels: what they choose by is held out of these
        holdout = round(config.data.holdout * len(labelled.images))
        labelled, held = data.split(labelled, holdout=holdout, limit=0, seed=config.seed)
        train, _ = data.split(train, holdout=0, limit=limit, seed=config.seed)
        return data.Splits(train, held, test, labelled)
    # The limit is kept to: where it leaves too few images, fewer are held out.
    holdout = round(config.data.holdout * size)
    holdout = min(holdout, size - limit) if 0 < limit <= size else holdout
    train, held = data.split(train, holdout=holdout, limit=limit, seed=config.seed)
    return data.Splits(train, held, test)


def make_plan(config: Config, size: int) -> tuple[Plan, tuple[str, ...]]:
    """Steps and intervals of a run over `size` training images; what cannot be as configured."""
    per_epoch = steps_per_epoch(size=size, batch_size=config.batch_size)
    notes, steps_per_call = [], config.steps_per_call
    if steps_per_call > 1 and jax.default_backend() == "cpu":
        notes.append("steps_per_call is 1 on CPU, where convolutions are slow inside a loop")
        steps_per_call = 1
    if 2 * config.optimizer.warmup_epochs > config.epochs:
        notes.append(
            f"warm-up of {config.optimizer.warmup_epochs:g} epochs is cut to half of the "
            f"{config.epochs} epochs"
        )
    plan = Plan(
        steps=config.epochs * per_epoch,
        steps_per_epoch=per_epoch,
        batch_size=config.batch_size,
        log_every=config.log_every_steps,
        probe_every=config.probe_every_epochs * per_epoch,
        save_every=config.checkpoint_every_epochs * per_epoch,
        steps_per_call=steps_per_call,
    )
    return plan, tuple(notes)


def _statistics(config: Config, train: data.Dataset, start: Encoder | None) -> Statistics:
    """As configured, or those of the encoder to start from, or the images'."""
    mean, std = tuple(config.network.mean), tuple(config.network.std)
    if mean and std:
        return mean, std
    if start is not None:
        return tuple(start.backbone.mean), tuple(start.backbone.std)
    return channel_statistics(train)


def _is_resident(config: Config, train: data.Dataset) -> bool:
    """Whether all images go into device memory."""
    kind = config.data.pipeline
    if kind not in ("auto", "device", "grain"):
        raise UserError(f"unknown data.pipeline {kind!r}: auto, device or grain")
    return kind == "device" or (kind == "auto" and feed.fits(train))


def _source(
    config: Config,
    train: data.Dataset,
    plan: Plan,
    shardings: sharding.Shardings,
    resident: bool,
) -> feed.Pipeline:
    common = {"batch_size": plan.batch_size, "seed": config.seed, "shardings": shardings}
    if resident:
        return feed.on_device(train, **common)
    return feed.streamed(train, workers=config.data.workers, steps=plan.steps, **common)


def _encoder(description: Description, method: Method) -> Callable[[TrainState], Encode]:
    """Train state -> features of images in [0, 1], prepared as an encoder prepares them."""

    @jax.jit
    def encode(params: Any, state: Any, images: Array) -> Array:
        images = prepare(images, size=description.image_size, crop=description.crop)
        return method.encode(params, state, images)

    return lambda train: partial(encode, train.params, train.state)


def _probe(
    config: Config,
    splits: data.Splits,
    encoder: Callable[[TrainState], Encode],
    shardings: sharding.Shardings,
) -> Callable[[TrainState], Mapping[str, float]] | None:
    """Figures on held-out images: kNN where there are labels, feature std, effective rank."""
    if not config.probe_every_epochs:
        return None
    bank = splits.bank
    size = len(bank.images)
    chosen = data.draw(bank.labels, size=size, count=min(size, PROBE_BANK), seed=data.FIXED_SEED)
    bank = data.in_memory(data.take(bank, chosen))
    held = None if splits.holdout is None else data.in_memory(splits.holdout)
    batch_size = sharding.shared_batch(config.evaluation.batch_size, shardings.mesh.size)

    def probe(train: TrainState) -> Mapping[str, float]:
        features = partial(extract, encoder(train), batch_size=batch_size, shardings=shardings)
        return figures(features, bank, held)

    return probe
