"""What the files of a run's folder say, read without its data or its checkpoint."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic


class Record(NamedTuple):
    """name: unique among the runs that are shown together. config: as it was run.
    metrics: the lines of metrics.jsonl. result: of a finished run, or None.
    evaluations: what DIR/evaluations holds, by file name."""

    name: str
    config: dict[str, Any]
    metrics: tuple[dict[str, float], ...]
    result: dict[str, Any] | None
    evaluations: tuple[dict[str, Any], ...]


def read_run(workdir: Path, name: str) -> Record:
    """The files of a run that is finished, stopped, or still going on.

    Raises:
      UserError: if `workdir` is not the folder of a run, or one of its files is not JSON.
    """
    config = atomic.read_json(workdir / "config.json")
    if config is None:
        raise UserError(f"{workdir} has no config.json: not the folder of a run")
    if not isinstance(config, dict) or "method" not in config:
        raise UserError(f"{workdir / 'config.json'} is not the configuration of a run")
    result = atomic.read_json(workdir / "result.json")
    files = sorted((workdir / "evaluations").glob("*.json"))
    evaluations = [atomic.read_json(path) for path in files]
    return Record(
        name=name,
        config=config,
        metrics=tuple(_lines(workdir / "metrics.jsonl")),
        result=result if isinstance(result, dict) else None,
        evaluations=tuple(found for found in evaluations if isinstance(found, dict)),
    )


def names(workdirs: Sequence[Path]) -> list[str]:
    """A short name for every run: its folder's, with as many parents as tell them apart.

    Raises:
      UserError: if a folder is given twice.
    """
    paths = [workdir.resolve() for workdir in workdirs]
    for path in paths:
        if paths.count(path) > 1:
            raise UserError(f"--workdir={path} is given twice")
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in paths]


def _lines(path: Path) -> list[dict[str, float]]:
    """The lines that are whole, with the figures that are finite."""
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            values = json.loads(line)
        except ValueError:
            continue  # of a run that is writing it now, or was killed
        if isinstance(values, dict) and "epoch" in values:
            found.append({k: float(v) for k, v in values.items() if _is_finite(v)})
    return found


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
