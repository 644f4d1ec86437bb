"""The files in a run's folder, read without its data or its checkpoints."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic


class RunFiles(NamedTuple):
    """What the files of a run contain.

    name: unique among the runs on a page.
    config: the configuration that the run was started with.
    metrics: the lines of metrics.jsonl.
    result: content of result.json; None for an unfinished run.
    evaluations: contents of the files in DIR/evaluations, ordered by file name.
    """

    name: str
    config: dict[str, Any]
    metrics: tuple[dict[str, float], ...]
    result: dict[str, Any] | None
    evaluations: tuple[dict[str, Any], ...]


def read_run_files(workdir: Path, name: str) -> RunFiles:
    """Reads the files of a run that is finished, stopped, or still training.

    Args:
      workdir: folder of the run.
      name: what the page calls the run.

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
    return RunFiles(
        name=name,
        config=config,
        metrics=tuple(_read_metrics(workdir / "metrics.jsonl")),
        result=result if isinstance(result, dict) else None,
        evaluations=tuple(content for content in evaluations if isinstance(content, dict)),
    )


def run_names(workdirs: Sequence[Path]) -> list[str]:
    """A short, unique name for each run: its folder's, with as many parents as needed.

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


def _read_metrics(path: Path) -> list[dict[str, float]]:
    """The complete lines of metrics.jsonl, each reduced to its finite values."""
    rows = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            values = json.loads(line)
        except ValueError:
            continue  # cut short: the run is writing it right now, or was killed
        if isinstance(values, dict) and "epoch" in values:
            rows.append({k: float(v) for k, v in values.items() if _is_finite(v)})
    return rows


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
