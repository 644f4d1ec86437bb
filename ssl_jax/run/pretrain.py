"""A run from its first step, or from where it was stopped, to its result."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from clu.parameter_overview import count_parameters, get_parameter_overview
from jax.experimental import multihost_utils

from ssl_jax.data.overlap import find_overlap
from ssl_jax.data.summary import summary
from ssl_jax.encoder.load import SPEC_FILE
from ssl_jax.errors import UserError
from ssl_jax.health.verdict import warnings
from ssl_jax.run.probe import make_probe
from ssl_jax.run.result import finish
from ssl_jax.run.resume import Past, Resumed, restore
from ssl_jax.setup.build import Setup
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.bottleneck import Advance, FirstSteps
from ssl_jax.training.loop import Callbacks, train_loop
from ssl_jax.training.metrics_log import MetricsLog
from ssl_jax.training.preemption import Preemption
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import TrainState


def train_and_evaluate(
    setup: Setup,
    settings: dict[str, Any],
    past: Past,
    workdir: Path,
    checkpoints: Checkpoints,
    preemption: Preemption,
) -> None:
    """Trains from the latest checkpoint to the end, evaluates, writes result.json.

    Args:
      setup: of the run.
      settings: its configuration as JSON.
      past: what it has been until now.
      workdir: its folder, which exists.
      checkpoints: in that folder.
      preemption: ends the run early, with a save.
    """
    first = jax.process_index() == 0
    progress = Progress(setup.plan.steps, settings["epochs"], quiet=not first)
    for note in setup.notes:
        progress.print_line(str(note))
    overlap = find_overlap(setup.data.splits) if first else None
    for line in summary(setup.data.splits, overlap):
        progress.print_line(line)
    shapes = setup.trainer.shapes().params
    progress.print_line(f"{count_parameters(shapes):,} trainable parameters")
    resumed = restore(setup, checkpoints)
    train, clock = resumed.train, resumed.clock
    require_step(int(train.step), past.step or 0)
    if train.step:
        progress.print_line(f"resuming from step {train.step}")
    meta = {
        "fingerprint": setup.data.fingerprint,
        "config": settings,
        "encoder": json.loads(setup.model.encoder.to_json()),
        "squares": setup.squares,
        "steps": setup.plan.steps,
        "extensions": [extension._asdict() for extension in past.extensions],
    }
    if first:
        atomic.write_json(workdir / "config.json", settings)
        atomic.replace_text(workdir / SPEC_FILE, setup.model.encoder.to_json() + "\n")
        atomic.replace_text(workdir / "parameters.txt", parameter_table(shapes))
    log = MetricsLog(workdir if first else None, int(train.step), progress.print_line)
    with log, progress:
        train = _train(setup, resumed, meta, checkpoints, preemption, log, progress)
        if preemption.asked_anywhere():
            progress.print_line(
                f"stopped and saved at step {int(train.step)}; run it again to resume"
            )
            return
        progress.print_line("evaluating ...")
    about = {
        "config": settings,
        "extensions": meta["extensions"],
        "test_in_train": overlap and overlap._asdict(),
    }
    finish(setup, train, clock, about, resumed.metrics, workdir)


def _train(
    setup: Setup,
    resumed: Resumed,
    meta: dict[str, Any],
    checkpoints: Checkpoints,
    preemption: Preemption,
    log: MetricsLog,
    progress: Progress,
) -> TrainState:
    expectation = setup.expectation
    callbacks = Callbacks(
        _advance(setup, int(resumed.train.step), progress),
        setup.trainer.feed.inputs,
        make_probe(setup),
        lambda metrics, share: warnings(metrics, expectation, progress=share),
    )
    try:
        return train_loop(
            resumed.train,
            setup.plan,
            callbacks,
            meta=meta,
            clock=resumed.clock,
            checkpoints=checkpoints,
            log=log,
            progress=progress,
            preemption=preemption,
        )
    finally:
        setup.trainer.close()


def _advance(setup: Setup, step: int, progress: Progress) -> Advance:
    """The train step; that of streamed images reports what bounds the run, and damaged images."""
    trainer, feed = setup.trainer, setup.trainer.feed
    if feed.unreadable is not None and jax.process_index() == 0:
        feed.unreadable.report = progress.print_line  # other processes print theirs
    if feed.capacity is None or step >= setup.plan.steps:
        return trainer.advance
    reading = feed.capacity(step)
    if not reading:
        return trainer.advance
    size, report = setup.plan.batch_size, progress.print_line
    return FirstSteps(trainer.advance, reading=reading, batch_size=size, report=report)


def require_step(found: int, expected: int) -> None:
    """Refuses to go on from another step than was looked at before, or than other processes do.

    Raises:
      UserError: in all processes.
    """
    steps = np.append(multihost_utils.process_allgather(np.asarray(found)), expected)
    if len(set(steps.ravel().tolist())) > 1:
        raise UserError(
            f"checkpoints changed while they were read, or processes read others: steps "
            f"{sorted(set(steps.ravel().tolist()))}; run the same command again"
        )


def parameter_table(shapes: Any) -> str:
    """Name, shape and size of every trainable parameter, and their number."""
    return get_parameter_overview(shapes, include_stats=False) + "\n"
