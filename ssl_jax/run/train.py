"""A configuration and a folder to a finished run: what `python -m ssl_jax.main` does."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from ssl_jax.errors import UserError
from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.run.changes import changed_keys
from ssl_jax.run.files import read_result
from ssl_jax.run.pretrain import train_and_evaluate
from ssl_jax.run.result import is_complete
from ssl_jax.run.resume import past_of
from ssl_jax.setup.build import build
from ssl_jax.setup.extension import WAYS
from ssl_jax.setup.run_keys import MAY_DIFFER
from ssl_jax.setup.settings import as_json
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.storage.lock import locked
from ssl_jax.training.preemption import Preemption
from ssl_jax.types import Config


def train(config: Config, workdir: Path, *, extend: str = "") -> None:
    """Trains in `workdir`, or resumes there, and evaluates; a finished run shows its result.

    A run that was trained, but whose evaluation failed or was changed, is evaluated.

    Args:
      config: the configuration.
      workdir: folder of the run; one trainer at a time works there.
      extend: one of WAYS; what becomes of the schedules of a run whose epochs are raised.

    Raises:
      UserError: for anything that cannot work.
    """
    if extend not in ("", *WAYS):
        raise UserError(f"--extend={extend} must be one of {', '.join(WAYS)}")
    workdir, first = workdir.expanduser(), jax.process_index() == 0
    settings = as_json(config)
    if result := _finished(workdir, settings):
        if first:
            print(f"{workdir} is finished; raise config.epochs and say --extend to train longer")
            print(evaluation_table(result["evaluation"]))
        return
    say = print if first else _say_nothing
    with atomic.removed_if_empty(workdir):
        atomic.make_folder(workdir)
        with (
            _own(workdir),
            Preemption() as preemption,
            Checkpoints(
                workdir / "checkpoints", keep=config.get("keep_checkpoints", 1), report=say
            ) as checkpoints,
        ):
            past = past_of(workdir, config, checkpoints, extend)
            for line in past.lines:
                say(line)
            setup = build(config, extensions=past.extensions)
            train_and_evaluate(setup, settings, past, workdir, checkpoints, preemption)


def _say_nothing(line: str) -> None:
    del line


@contextlib.contextmanager
def _own(workdir: Path) -> Iterator[None]:
    """Keeps other trainers out of the folder, and removes what a killed one was writing.

    Raises:
      UserError: if one is at work there.
    """
    if jax.process_index() != 0:
        yield
        return
    remedy = "stop it first, or choose another --workdir"
    with locked(workdir / ".lock", f"--workdir={workdir}", remedy):
        for left in workdir.glob(f"*{atomic.PART}"):
            with contextlib.suppress(OSError):
                left.unlink()
        yield


def _finished(workdir: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a run of these settings, if there is one with its evaluation."""
    result = read_result(workdir)
    if result is None:
        return None
    changed = changed_keys(result["config"], settings)
    if [key for key in changed if key not in MAY_DIFFER]:
        return None
    return result if is_complete({**result, "config": settings}) else None
