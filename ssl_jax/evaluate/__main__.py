"""python -m ssl_jax.evaluate --workdir=DIR [--step=N] [--sgd]

Repeats the evaluation of a run for its newest whole checkpoint, or for that of a step.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from ssl_jax import command_line
from ssl_jax.build import build
from ssl_jax.checkpoint import Checkpoints
from ssl_jax.errors import UserError
from ssl_jax.report import record
from ssl_jax.report.table import evaluation_table
from ssl_jax.run import evaluate, restore


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR  --step=N  --sgd"""
    parser = argparse.ArgumentParser(prog="python -m ssl_jax.evaluate", description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True, help="folder of the run")
    parser.add_argument("--step", type=int, help="which checkpoint; default: the newest")
    parser.add_argument("--sgd", action="store_true", help="also train a linear head by SGD")
    args = parser.parse_args(list(argv[1:]))
    command_line.join_cluster()
    settings = record.read_json(args.workdir / "config.json")
    if settings is None:
        raise UserError(f"{args.workdir} has no config.json: not the folder of a run")
    with Checkpoints(args.workdir / "checkpoints") as checkpoints:
        if not checkpoints.steps():
            raise UserError(f"{args.workdir} has no checkpoint yet")
        run = build(ConfigDict(settings))
        train, _ = restore(run, checkpoints, step=args.step)
    evaluation = evaluate(run, train, sgd=args.sgd)
    step = int(train.step)
    path = args.workdir / f"evaluation-{step}.json"
    record.write_json(path, {"step": step, "evaluation": evaluation})
    print(f"checkpoint of step {step}")
    print(evaluation_table(evaluation))
    print(f"written: {path}")


if __name__ == "__main__":
    command_line.run(main)
