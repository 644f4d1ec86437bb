"""Whether a run may resume, with which settings, and the state that it resumes from.

The settings are part of the checkpoint; config.json beside it is for people and for programs that
do not read checkpoints.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssl_jax.errors import UserError
from ssl_jax.run.changes import changed_keys, decisive, told
from ssl_jax.run.files import settings_of
from ssl_jax.setup.build import Setup
from ssl_jax.setup.components import make_schedule
from ssl_jax.setup.extension import WAYS, Extension, as_extensions, schedules
from ssl_jax.setup.run_keys import MAY_DIFFER
from ssl_jax.setup.settings import as_json
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.clock import Clock
from ssl_jax.training.plan import Plan
from ssl_jax.training.step import TrainState
from ssl_jax.types import Config


class Past(NamedTuple):
    """What a run has been until now.

    extensions: how its epochs were raised; the last of them may be about to begin.
    lines: to print.
    step: of the latest intact checkpoint; None without any.
    """

    extensions: tuple[Extension, ...] = ()
    lines: tuple[str, ...] = ()
    step: int | None = None


class Resumed(NamedTuple):
    """Where a run goes on.

    train: the state.
    clock: time spent until then.
    metrics: those that were logged last; empty at the beginning.
    """

    train: TrainState
    clock: Clock
    metrics: dict[str, float]


def past_of(workdir: Path, config: Config, checkpoints: Checkpoints, extend: str) -> Past:
    """What the run in a folder has been, after comparing its settings with those of now.

    Args:
      workdir: folder of the run.
      config: its configuration.
      checkpoints: in that folder.
      extend: one of WAYS, or empty; what becomes of the schedules if `epochs` was raised.

    Raises:
      UserError: naming what differs and must not.
    """
    settings = as_json(config)
    latest = checkpoints.latest()
    if latest is None:
        return Past(lines=("there is nothing to extend: --extend is ignored",) if extend else ())
    old, lines = settings_of(workdir, latest.step, latest.meta)
    changed = changed_keys(old, settings)
    if refused := decisive(changed):
        raise UserError(
            f"{workdir} was trained with {told(refused, old, settings)}; "
            f"choose another --workdir, or restore the old value{'s' if refused[1:] else ''}"
        )
    lines += [
        f"resuming with {told([key], settings, old)}: no number of the training depends on it"
        for key in changed
        if key in MAY_DIFFER
    ]
    extensions = as_extensions(latest.meta.get("extensions"))
    before, after = old["epochs"], settings.get("epochs")
    if not isinstance(after, int):
        return Past(extensions, tuple(lines), latest.step)  # refused when it is built
    if after < before:
        raise UserError(
            f"{workdir} was planned for {before} epochs; epochs {after} is fewer, and it can only "
            "be raised"
        )
    if after > before:
        steps = latest.meta.get("steps")
        rates = _Rates(config, steps, before, after, extensions, latest.step)
        if not extend:
            raise UserError(_which_way(workdir, rates))
        extensions = (*extensions, Extension(latest.step, before, after, extend))
        rate = f": learning rate {rates.next(extend)} after {rates.last()}" if steps else ""
        lines.append(
            f"raised from {before} to {after} epochs at step {latest.step}, --extend={extend}{rate}"
        )
    return Past(extensions, tuple(lines), latest.step)


class _Rates(NamedTuple):
    """Learning rates at the step at which a run is extended.

    config: of the run.
    steps: that the run was planned for; None: not known, of an older version.
    before, after: epochs until then, and from then on.
    extensions: former ones.
    step: that the run has reached.
    """

    config: Config
    steps: int | None
    before: int
    after: int
    extensions: tuple[Extension, ...]
    step: int

    def last(self) -> str:
        """That of the last step, as text."""
        return self._at(self.before, self.extensions, self.step - 1)

    def next(self, way: str) -> str:
        """That of the next step if the run is extended this way, as text."""
        extension = Extension(self.step, self.before, self.after, way)
        return self._at(self.after, (*self.extensions, extension), self.step)

    def _at(self, epochs: int, extensions: tuple[Extension, ...], step: int) -> str:
        per_epoch = (self.steps or self.before) // self.before
        moved = schedules(epochs, per_epoch, extensions) if extensions else None
        plan = Plan(epochs * per_epoch, per_epoch, self.config.batch_size, 1, 0, 0, schedules=moved)
        return f"{np.asarray(make_schedule(self.config, plan)(max(step, 0))).item():.3g}"


def _which_way(workdir: Path, rates: _Rates) -> str:
    known = rates.steps is not None
    at = f" (the learning rate of step {rates.step} was {rates.last()})" if known else ""
    about = {
        "constant": "they stay where they end",
        "restart": "they begin again, over the steps that are left",
        "rewind": f"they jump to where a run of {rates.after} epochs would be",
    }
    ways = [
        f"{way}: {about[way]}" + (f", learning rate {rates.next(way)}" if known else "")
        for way in WAYS
    ]
    return (
        f"{workdir} was planned for {rates.before} epochs, and its schedules with it{at}; say how "
        f"they go on until epoch {rates.after}, by --extend={'|'.join(WAYS)}: {'; '.join(ways)}"
    )


def restore(setup: Setup, checkpoints: Checkpoints, *, step: int | None = None) -> Resumed:
    """The latest intact checkpoint, or that of `step`.

    Args:
      setup: of the run.
      checkpoints: of the run; without any, the result is the initial state.
      step: which checkpoint to read.

    Raises:
      UserError: if the training images are not those that the run began with.
    """
    found = checkpoints.restore(setup.trainer.shapes(), step=step)
    if found is None:
        return Resumed(setup.trainer.init(), Clock(), {})
    if found.meta["fingerprint"] != setup.data.fingerprint:
        raise UserError("the training images are not those that this run began with")
    if found.meta.get("squares", setup.squares) != setup.squares:
        raise UserError(
            "config.data.pipeline: on the device, images of many sizes are squares, and streamed "
            "they are not; this run began with the other, so name it"
        )
    return Resumed(found.state, Clock(**found.meta["clock"]), found.meta.get("metrics") or {})
