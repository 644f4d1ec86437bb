"""From a configuration to what a run needs: data, model, plan, and the trainer that joins them."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import optax

from ssl_jax.augment.policy import Augment, make_augment
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.statistics import channel_statistics
from ssl_jax.devices import sharding
from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.encoder.load import load_encoder
from ssl_jax.errors import Problem
from ssl_jax.methods.parts.base import Expectation, Method
from ssl_jax.names.own_code import own_code
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.setup import components
from ssl_jax.setup.data import Data, in_memory, load_data, squares_problems
from ssl_jax.setup.extension import Extension
from ssl_jax.setup.plan import make_plan, plan_problems
from ssl_jax.setup.problems import Facts, facts_of, refuse_fatal
from ssl_jax.training import feed
from ssl_jax.training.plan import Plan
from ssl_jax.training.step import training_key
from ssl_jax.training.trainer import Trainer
from ssl_jax.types import Config


class Model(NamedTuple):
    """What is trained, and how.

    method: with batch fusion in front and penalties added, if the configuration has them.
    encoder: specification of the encoder inside.
    fusion: the block in front of the method, with its parameters under "fusion"; or None.
    augment: keys and images -> views.
    views: number of views per image.
    optimizer: of all parameters; contains the schedule.
    schedule: learning rate by step.
    """

    method: Method
    encoder: EncoderSpec
    fusion: BatchFusion | None
    augment: Augment
    views: int
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule


class Setup(NamedTuple):
    """A configuration made concrete; nothing is compiled yet.

    data: training images, and images to evaluate encoders on.
    model: what is trained.
    plan: length of the run, and its intervals.
    trainer: the train step of the model over the data.
    shardings: placement of arrays on the devices.
    notes: changes that the plan makes to the configuration.
    squares: whether images of many sizes are kept as squares, of which views are then cut.
    """

    data: Data
    model: Model
    plan: Plan
    trainer: Trainer
    shardings: sharding.Shardings
    notes: tuple[Problem, ...] = ()
    squares: bool = False

    @property
    def expectation(self) -> Expectation:
        """What the method expects of its loss."""
        return self.model.method.expect(self.plan.batch_size, self.model.views)


def build(
    config: Config, splits: Splits | None = None, extensions: Sequence[Extension] = ()
) -> Setup:
    """Everything that a run needs; opens the data set, unless `splits` are given.

    Args:
      config: the configuration.
      splits: in place of the images that it names.
      extensions: how its epochs were raised while it was trained.

    Raises:
      UserError: for anything in the configuration that cannot work; before any image is read if
        the configuration alone shows it.
    """
    devices = len(jax.devices())
    refuse_fatal(config, Facts(devices=devices))
    data = load_data(config, splits)
    refuse_fatal(config, facts_of(data, devices=devices))
    varying = feed.varies(data.splits.train)
    data = in_memory(data)
    size = len(data.splits.train.images)
    plan = make_plan(config, size, devices=devices, extensions=extensions)
    model = make_model(config, data, plan)
    shardings = sharding.make(config.batch_size)
    trainer = Trainer(
        method=model.method,
        optimizer=model.optimizer,
        schedule=model.schedule,
        augment=model.augment,
        shardings=shardings,
        seed=config.seed,
        images=(config.batch_size, *data.shape),
        open_feed=lambda: _open_feed(config, data, plan, shardings),
    )
    with own_code(config.method.name, "config.method.name"):
        trainer.trace(labelled=data.splits.train.labels is not None)
    notes = [note for note in plan_problems(config, size) if note.level == "note"]
    notes += squares_problems(config, varying)
    return Setup(data, model, plan, trainer, shardings, tuple(notes), varying and data.resident)


def make_model(config: Config, data: Data, plan: Plan) -> Model:
    """The model for these images, for a run of this length."""
    specs = components.make_views(config)
    augment = make_augment(specs, data.shape)
    weights = config.network.weights
    start = load_encoder(weights) if weights else None
    statistics = _statistics(config, data.splits.train, start)
    encoder = components.describe(config, statistics, channels=data.shape[-1])
    moved = plan.schedules
    method = components.make_method(config, moved.first if moved else plan.steps, encoder, start)
    if moved:
        later = components.make_method(config, moved.length, encoder, start)
        method = method._replace(
            update=lambda params, state, step: later.update(params, state, moved.position(step))
        )
    schedule, optimizer = components.make_optimizer(config, method, plan)
    fusion = components.make_fusion(config, encoder.network)
    views = sum(spec.copies for spec in specs)
    return Model(method, encoder, fusion, augment, views, optimizer, schedule)


def _statistics(config: Config, train: Dataset, start: Encoder | None) -> components.Statistics:
    """As configured, or those of the encoder to start from, or the images'."""
    mean, std = tuple(config.network.mean), tuple(config.network.std)
    if mean and std:
        return mean, std
    if start is not None:
        return tuple(start.backbone.mean), tuple(start.backbone.std)
    return channel_statistics(train)


def _open_feed(config: Config, data: Data, plan: Plan, shardings: sharding.Shardings) -> feed.Feed:
    train = data.splits.train
    common = {"batch_size": plan.batch_size, "seed": config.seed, "shardings": shardings}
    if data.resident:
        return feed.on_device(train, **common)
    crops = feed.host_crops(
        train, components.make_views(config), training_key(jax.random.key(config.seed))
    )
    workers = config.data.workers
    return feed.streamed(train, workers=workers, steps=plan.steps, crops=crops, **common)
