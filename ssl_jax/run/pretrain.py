"""A run from its first step, or from where it was stopped, to its result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from clu.parameter_overview import count_parameters

from ssl_jax.encoder.encoder import DESCRIPTION
from ssl_jax.errors import UserError
from ssl_jax.evaluation.compare import compare
from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.setup.build import Run
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints, digest
from ssl_jax.training.curves import draw_curves
from ssl_jax.training.loop import Clock, fit, images_per_second
from ssl_jax.training.metrics_log import MetricsLog
from ssl_jax.training.preemption import Preemption
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import TrainState


def train_and_evaluate(
    run: Run,
    settings: dict[str, Any],
    workdir: Path,
    checkpoints: Checkpoints,
    preemption: Preemption,
) -> None:
    """Trains from the last checkpoint to the end, evaluates, writes result.json."""
    first = jax.process_index() == 0
    progress = Progress(run.plan.steps, settings["epochs"], quiet=not first)
    for note in run.notes:
        progress.say(note)
    if skipped := run.splits.train.skipped:
        shown = ", ".join(skipped[:10]) + (", ..." if len(skipped) > 10 else "")
        progress.say(f"{len(skipped)} image files cannot be read and are left out: {shown}")
    progress.say(f"{count_parameters(jax.eval_shape(run.init).params):,} parameters are trained")
    train, clock = restore(run, checkpoints, say=progress.say)
    if train.step:
        progress.say(f"going on from step {train.step}")
    if first:
        atomic.write_json(workdir / "config.json", settings)
        atomic.replace_text(workdir / DESCRIPTION, run.description.to_json() + "\n")
    with MetricsLog(workdir if first else None, int(train.step)) as log, progress:
        try:
            train = fit(
                train,
                run.plan,
                run.hooks(),
                meta={"fingerprint": run.fingerprint},
                clock=clock,
                checkpoints=checkpoints,
                log=log,
                progress=progress,
                preemption=preemption,
            )
        finally:
            run.source().close()
        if preemption.asked_anywhere():
            step = int(train.step)
            progress.say(f"stopped and saved at step {step}; the same command goes on from there")
            return
        progress.say("evaluating ...")
    _finish(run, train, clock, settings, workdir)


def _finish(
    run: Run, train: TrainState, clock: Clock, settings: dict[str, Any], workdir: Path
) -> None:
    """Evaluates, and writes what came of the run."""
    result = {
        "config": settings,
        "steps": int(train.step),
        "seconds": clock.total,
        "images_per_second": images_per_second(run.plan, clock),
        "digest": digest({"params": train.params, "state": train.state}),
        "device": atomic.device_name(),
        "data_fingerprint": run.fingerprint,
        "skipped_files": list(run.splits.train.skipped),
        "warnings": _last_warnings(run, workdir),
        "evaluation": evaluate(run, train),
    }
    if jax.process_index() != 0:
        return
    draw_curves(workdir / "metrics.jsonl", run.expectation, workdir / "curves.png")
    atomic.write_json(workdir / "result.json", result)
    print(evaluation_table(result["evaluation"]))
    for text in result["warnings"] or ["nothing points to a collapse"]:
        print(f"health: {text}")
    print(f"written: {workdir / 'result.json'}")


def _last_warnings(run: Run, workdir: Path) -> list[str]:
    """What is wrong at the end of a run by its last figures; empty where it is healthy."""
    if jax.process_index() != 0:
        return []
    *_, last = (workdir / "metrics.jsonl").read_text().splitlines()
    figures = {name: float(value) for name, value in json.loads(last).items()}
    return list(run.warnings(figures, 1.0).values())


def restore(
    run: Run,
    checkpoints: Checkpoints,
    *,
    step: int | None = None,
    say: Callable[[str], None] = print,
) -> tuple[TrainState, Clock]:
    """The newest whole checkpoint, or that of `step`, and the time spent until then.

    The initial state where there are no checkpoints. `say` gets a line on every damaged one.

    Raises:
      UserError: if the training images are not those that the run began with.
    """
    found = checkpoints.restore(run.shapes(), step=step, report=say)
    if found is None:
        return run.init(), Clock()
    if found.meta["fingerprint"] != run.fingerprint:
        raise UserError("the training images are not those that this run began with")
    return found.state, Clock(**found.meta["clock"])


def evaluate(run: Run, train: TrainState) -> dict[str, Any] | None:
    """Trained encoder, untrained encoder and raw pixels under one protocol; None without labels."""
    encoders = {"trained": run.encoder(train), "untrained": run.encoder(run.init())}
    return compare(
        encoders,
        run.splits,
        batch_size=run.evaluation_batch_size,
        shardings=run.shardings,
    )
