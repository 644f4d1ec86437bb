"""The files in a run's folder, read without its data or its checkpoints."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ssl_jax.errors import UserError
from ssl_jax.run.files import read_result, require_settings
from ssl_jax.storage import atomic
from ssl_jax.training.metrics_log import read_metrics


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
      UserError: if `workdir` is not the folder of a run, or one of its files cannot be read.
    """
    config = require_settings(workdir)
    result = read_result(workdir)
    if result is None and (workdir / "result.json").exists():
        print(f"{workdir / 'result.json'} is not the result of a run, and is left out")
    metrics = read_metrics(workdir / "metrics.jsonl")
    return RunFiles(
        name=name,
        config=config,
        metrics=tuple(row for row in metrics if "epoch" in row),
        result=result,
        evaluations=tuple(_evaluations(workdir / "evaluations")),
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


def _evaluations(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.json")):
        content = atomic.read_object(path) or {}
        if isinstance(content.get("protocol"), str):
            yield content
        else:
            print(f"{path} is not an evaluation, and is left out")
