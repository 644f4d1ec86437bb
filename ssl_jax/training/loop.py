"""Training loop: logs, probes, checkpoints, stops; never blocks on a single step."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ssl_jax.errors import UserError
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.clock import Clock
from ssl_jax.training.metrics_log import MetricsLog
from ssl_jax.training.plan import Plan
from ssl_jax.training.preemption import Preemption
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import Metrics, TrainState


class Callbacks(NamedTuple):
    """Functions that the loop calls.

    advance: (train state, inputs, count) -> (train state, metrics); metrics are scalars, with a
      leading axis of `count` steps if `count` is more than 1.
    inputs: (step, count) -> inputs of the next `count` steps, on the devices.
    probe: train state -> metrics on held-out images; None to skip probes.
    warnings: (metrics, completed fraction of the run) -> messages about problems, by a short name;
      None to skip warnings.
    """

    advance: Callable[[TrainState, Any, int], tuple[TrainState, Metrics]]
    inputs: Callable[[int, int], Any]
    probe: Callable[[TrainState], Mapping[str, float]] | None = None
    warnings: Callable[[Mapping[str, float], float], Mapping[str, str]] | None = None


def train_loop(
    train: TrainState,
    plan: Plan,
    callbacks: Callbacks,
    *,
    meta: Mapping[str, Any],
    clock: Clock,
    checkpoints: Checkpoints,
    log: MetricsLog,
    progress: Progress,
    preemption: Preemption,
) -> TrainState:
    """Trains from the state's step to `plan.steps`, or until asked to stop.

    Args:
      train: the state to start from; it is donated.
      plan: length of the run, and intervals of logs, probes and saves.
      callbacks: functions that train, feed, probe and warn.
      meta: JSON content that every checkpoint gets, in addition to clock and metrics.
      clock: time spent in earlier sessions; updated.
      checkpoints: where states are saved.
      log: gets the metrics.
      progress: shows the metrics and warnings.
      preemption: whether to stop early, with a save; held while there may be unsaved steps.

    Returns:
      The state after the last step.

    Raises:
      UserError: at the first loss that is not finite; names the step and the last checkpoint. Also
        if the device runs out of memory, or a checkpoint cannot be written.
    """
    step, warned = int(train.step), set[str]()
    window: list[tuple[int, Metrics]] = []
    compiled: set[int] = set()  # steps per call for which there is a program
    clock.start()
    while step < plan.steps:
        count = _count(step, plan)
        inputs = callbacks.inputs(step, count)
        if count in compiled:
            train, metrics = callbacks.advance(train, inputs, count)
            clock.lap_steps += count
        else:
            jax.block_until_ready(window[-1:])
            clock.end_lap()
            train, metrics = _first_call(callbacks, train, inputs, count, progress)
            compiled.add(count)
            preemption.hold()
            clock.start_lap()
        window.append((step, metrics))
        step += count
        due = _due(step, plan, preemption.asked())
        if not any(due):
            continue
        values = _summary(window, checkpoints)  # blocks until the last step is done
        rate = plan.batch_size * clock.end_lap()
        window = []
        stop = preemption.asked_anywhere()
        if callbacks.probe is not None and due.probe:
            values |= callbacks.probe(train)
        clock.tick()
        values |= {"seconds": clock.total, **_pace(step, plan, rate)}
        unlogged = _unlogged(log, step, values)
        # Before anything is printed: nobody may be reading any more.
        if due.save or stop or unlogged and jax.process_count() == 1:
            saved = {**meta, "clock": dataclasses.asdict(clock), "metrics": values | {"step": step}}
            checkpoints.save(step, train, saved, values.get("knn_top1"))
        if unlogged:
            raise unlogged
        progress.update(step, values)
        if callbacks.warnings is not None:
            _warn(callbacks.warnings(values, step / plan.steps), warned, progress)
        if stop:
            break
        clock.start_lap()
    checkpoints.wait()
    preemption.release()
    return train


def _unlogged(log: MetricsLog, step: int, values: Mapping[str, float]) -> UserError | None:
    """Logs the metrics; what went wrong is returned, as there may be something to save first."""
    try:
        log.write(step, values)
    except UserError as error:
        return error
    return None


def _warn(warnings: Mapping[str, str], warned: set[str], progress: Progress) -> None:
    """Prints each warning when it first appears; `warned` holds the names of the current ones."""
    for name, text in warnings.items():
        if name not in warned:
            progress.print_line(f"warning: {text}")
    warned.clear()
    warned |= set(warnings)


def _first_call(
    callbacks: Callbacks, train: TrainState, inputs: Any, count: int, progress: Progress
) -> tuple[TrainState, Metrics]:
    """The call that compiles; its duration is printed and excluded from images per second.

    Raises:
      UserError: if the device has not enough memory for it.
    """
    program = "the train step" if count == 1 else f"{count} train steps as one program"
    progress.print_line(f"compiling {program}; this happens once ...")
    start = time.monotonic()
    try:
        result = jax.block_until_ready(callbacks.advance(train, inputs, count))
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            "the device has not enough memory for a step: lower config.batch_size; "
            "python -m ssl_jax.doctor prints how much a step needs"
        ) from error
    progress.print_line(f"compiled and run after {time.monotonic() - start:.1f} s")
    return result


class _Due(NamedTuple):
    log: bool
    probe: bool
    save: bool


def _due(step: int, plan: Plan, asked_to_stop: bool) -> _Due:
    """What is due after `step` steps.

    With several processes all must agree on it, so they stop only at steps where all of them log.
    """
    if asked_to_stop and jax.process_count() == 1:
        return _Due(log=True, probe=False, save=True)
    if step == plan.steps:
        return _Due(log=True, probe=True, save=True)
    return _Due(*(bool(every) and step % every == 0 for every in _intervals(plan)))


def _intervals(plan: Plan) -> tuple[int, int, int]:
    return plan.log_every, plan.probe_every, plan.save_every


def _count(step: int, plan: Plan) -> int:
    """Steps of the next call: `steps_per_call`, or one if something is due before its end."""
    ends = [(step // every + 1) * every for every in _intervals(plan) if every]
    room = min([plan.steps, *ends]) - step
    return plan.steps_per_call if room >= plan.steps_per_call else 1


def _summary(window: list[tuple[int, Metrics]], checkpoints: Checkpoints) -> dict[str, float]:
    """Means of the metrics since the last log line, fetched in one transfer.

    Raises:
      UserError: at the first loss that is not finite.
    """
    fetched = jax.device_get([metrics for _, metrics in window])
    for (first, _), metrics in zip(window, fetched, strict=True):
        bad = np.flatnonzero(~np.isfinite(np.atleast_1d(metrics["loss"])))
        if len(bad):
            checkpoints.wait()
            last = max(checkpoints.steps(), default=None)
            good = "there is no checkpoint yet" if last is None else f"checkpoint {last} is good"
            raise UserError(
                f"the loss is not finite at step {first + int(bad[0]) + 1}; {good}; "
                "try a lower learning_rate or a longer warm-up"
            )
    names = fetched[0]
    values = {
        name: float(np.mean(np.concatenate([np.atleast_1d(m[name]) for m in fetched])))
        for name in names
    }
    # The learning rate of the last step: its mean over a schedule would mean little.
    return {**values, "learning_rate": float(np.atleast_1d(fetched[-1]["learning_rate"])[-1])}


def _pace(step: int, plan: Plan, rate: float) -> dict[str, float]:
    """Epoch, images per second since the last log line, and seconds left at that speed."""
    left = (plan.steps - step) * plan.batch_size / rate if rate else 0.0
    return {"epoch": step / plan.steps_per_epoch, "images_per_second": rate, "seconds_left": left}
