"""python -m ssl_jax.main --config=configs/ba_moco.py[:VARIANT] [--config.KEY=VALUE] [--workdir=DIR]

Trains, or goes on where the same command was stopped, and evaluates at the end.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.run.pretrain import train_and_evaluate
from ssl_jax.setup import checks
from ssl_jax.setup.build import build
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.preemption import Preemption


def main(argv: Sequence[str]) -> None:
    """Flags: --config=FILE[:VARIANT]  --config.KEY=VALUE  --workdir=DIR"""
    config, workdir, _ = config_flags.parse(argv)
    config_flags.join_cluster()
    settings = atomic.as_json(config)
    if finished := _finished(workdir, settings):
        if jax.process_index() == 0:
            print(f"{workdir} is finished; raise config.epochs to go on")
            print(evaluation_table(finished["evaluation"]))
        return
    atomic.make_folder(workdir)
    with (
        Preemption() as preemption,
        Checkpoints(workdir / "checkpoints", keep=config.keep_checkpoints) as checkpoints,
    ):
        _check_same_run(workdir, settings, checkpoints)
        run = build(config)
        checks.refuse(config, checks.facts_of(run.splits, devices=run.shardings.mesh.size))
        train_and_evaluate(run, settings, workdir, checkpoints, preemption)


def _finished(workdir: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a run of exactly these settings, if there is one."""
    result = atomic.read_json(workdir / "result.json")
    return result if result and result["config"] == settings else None


def _check_same_run(workdir: Path, settings: dict[str, Any], checkpoints: Checkpoints) -> None:
    """A run goes on under the settings that it began with; only `epochs` may be raised."""
    old = atomic.read_json(workdir / "config.json")
    if old is None or not checkpoints.steps():
        return
    changed = [name for name in atomic.differences(old, settings) if name != "epochs"]
    if changed:
        raise UserError(
            f"{workdir} was trained with another {', '.join(changed)}; "
            "choose another --workdir, or the old values"
        )
    if settings["epochs"] < old["epochs"]:
        raise UserError(
            f"{workdir} was planned for {old['epochs']} epochs; epochs {settings['epochs']} "
            "is fewer, and it can only be raised"
        )


if __name__ == "__main__":
    config_flags.run(main)
