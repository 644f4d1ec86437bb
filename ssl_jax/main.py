"""python -m ssl_jax.main --config=configs/ba_moco.py[:VARIANT] [--config.KEY=VALUE] [--workdir=DIR]

Trains, or goes on where the same command was stopped, and evaluates at the end.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from ssl_jax import command_line
from ssl_jax.build import build
from ssl_jax.checkpoint import Checkpoints
from ssl_jax.errors import UserError
from ssl_jax.report import record
from ssl_jax.report.table import evaluation_table
from ssl_jax.run import train_and_evaluate


def main(argv: Sequence[str]) -> None:
    """Flags: --config=FILE[:VARIANT]  --config.KEY=VALUE  --workdir=DIR"""
    command = command_line.parse(argv)
    _join_cluster()
    config, workdir = command.config, command.workdir
    settings = record.as_json(config)
    if finished := _finished(workdir, settings):
        print(f"{workdir} is finished; raise config.epochs to go on")
        print(evaluation_table(finished["evaluation"]))
        return
    with Checkpoints(workdir / "checkpoints", keep=config.keep_checkpoints) as checkpoints:
        _check_same_run(workdir, settings, checkpoints)
        run = build(config)
        try:
            train_and_evaluate(run, settings, workdir, checkpoints)
        finally:
            run.source.close()


def _finished(workdir: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a run of exactly these settings, if there is one."""
    result = record.read_json(workdir / "result.json")
    return result if result and result["config"] == settings else None


def _check_same_run(workdir: Path, settings: dict[str, Any], checkpoints: Checkpoints) -> None:
    """A run goes on under the settings that it began with; only `epochs` may be raised."""
    old = record.read_json(workdir / "config.json")
    if old is None or not checkpoints.steps():
        return
    changed = [name for name in record.differences(old, settings) if name != "epochs"]
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


def _join_cluster() -> None:
    """Joins the other processes of a run, where a launcher started several."""
    if "SSL_JAX_DISTRIBUTED" in os.environ:
        jax.distributed.initialize()


if __name__ == "__main__":
    command_line.run(main)
