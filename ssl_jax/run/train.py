"""A configuration and a folder to a finished run: what `python -m ssl_jax.main` does."""

from pathlib import Path
from typing import Any

import jax

from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.run.pretrain import train_and_evaluate
from ssl_jax.run.result import FILE, is_complete
from ssl_jax.run.resume import check_same_run, differing
from ssl_jax.setup.build import build
from ssl_jax.setup.settings import as_json
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.preemption import Preemption
from ssl_jax.types import Config


def train(config: Config, workdir: Path) -> None:
    """Trains in `workdir`, or resumes there, and evaluates; a finished run shows its result.

    A run that was trained, but whose evaluation failed or was changed, is evaluated.

    Raises:
      UserError: for anything that cannot work.
    """
    settings = as_json(config)
    if result := _finished(workdir, settings):
        if jax.process_index() == 0:
            print(f"{workdir} is finished; raise config.epochs to train for longer")
            print(evaluation_table(result["evaluation"]))
        return
    atomic.make_folder(workdir)
    with (
        Preemption() as preemption,
        Checkpoints(workdir / "checkpoints", keep=config.keep_checkpoints) as checkpoints,
    ):
        check_same_run(workdir, settings, checkpoints)
        train_and_evaluate(build(config), settings, workdir, checkpoints, preemption)


def _finished(workdir: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a run of these settings, if there is one with its evaluation."""
    result = atomic.read_json(workdir / FILE)
    if not result or differing(result["config"], settings):
        return None
    return result if is_complete({**result, "config": settings}) else None
