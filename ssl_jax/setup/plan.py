"""How long a run is, from epochs and the number of images."""

from collections.abc import Iterator, Sequence

import jax

from ssl_jax.data.order import batch_problems, steps_per_epoch
from ssl_jax.devices.sharding import shared_batch
from ssl_jax.errors import Problem
from ssl_jax.options.kinds import INT32
from ssl_jax.setup.extension import Extension, schedules
from ssl_jax.training.plan import Plan
from ssl_jax.types import Config


def make_plan(
    config: Config, size: int, *, devices: int = 1, extensions: Sequence[Extension] = ()
) -> Plan:
    """Steps and intervals of a run over `size` training images, whose epochs may have been raised.

    Raises:
      UserError: where there is not one whole batch of them.
    """
    per_epoch = steps_per_epoch(size=size, batch_size=config.batch_size)
    return Plan(
        steps=config.epochs * per_epoch,
        steps_per_epoch=per_epoch,
        batch_size=config.batch_size,
        log_every=config.log_every_steps,
        probe_every=config.probe_every_epochs * per_epoch,
        save_every=config.checkpoint_every_epochs * per_epoch,
        # Convolutions are slow inside a loop on CPU.
        steps_per_call=1 if jax.default_backend() == "cpu" else config.steps_per_call,
        encode_batch=shared_batch(config.evaluation.batch_size, devices),
        schedules=schedules(config.epochs, per_epoch, extensions) if extensions else None,
    )


def plan_problems(config: Config, size: int | None) -> Iterator[Problem]:
    """What cannot be as configured, and what is changed; `size` None: not known."""
    if size is not None:
        yield from batch_problems(size=size, batch_size=config.batch_size)
        if (steps := config.epochs * (size // config.batch_size)) > INT32:
            what = f"makes {steps:,} steps, and steps are counted up to {INT32:,}"
            yield Problem("epochs", config.epochs, what, "lower it, or raise batch_size")
    warmup = config.optimizer.warmup_epochs
    if 2 * warmup > config.epochs:
        what = f"is cut to half of the {config.epochs} epochs"
        yield Problem("/optimizer.warmup_epochs", warmup, what, level="note")
    if config.steps_per_call > 1 and jax.default_backend() == "cpu":
        what = "is taken as 1 on CPU, where convolutions are slow inside a loop"
        yield Problem("steps_per_call", config.steps_per_call, what, level="note")
