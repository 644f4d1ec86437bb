"""The runs of a table: which there are, which are done, and doing the others."""

import concurrent.futures
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments.engine import scales
from experiments.engine.store import Store, identity, settings_of
from experiments.engine.table import Row, Table
from ssl_jax.errors import UserError
from ssl_jax.setup.settings import as_json
from ssl_jax.storage.atomic import write_json

ROOT = Path(__file__).parents[2]
# What the final evaluation of every run measures, by protocol and metric.
FINAL = {
    ("knn", "top1"): "knn_top1",
    ("ridge", "top1"): "linear_top1",
    ("ridge", "top5"): "linear_top5",
}
# A column of what was logged while training; needs no evaluation.
CURVES = "curve"
# What is kept of the metrics that were logged while training.
CURVE = ("epoch", "loss", "knn_top1", "embedding_std_ratio", "feature_std_ratio", "effective_rank")


class Run(NamedTuple):
    """A row with a seed at a scale.

    config: resolved.
    cells: protocol and metric of each column that its checkpoint is evaluated for.
    """

    row: Row
    seed: int
    config: ConfigDict
    cells: tuple[tuple[str, str], ...]


def runs_of(
    table: Table,
    scale: str,
    *,
    rows: Sequence[str] = (),
    seeds: Sequence[int] = (),
    data: Mapping[str, str] = {},
) -> list[Run]:
    """The runs of a table, the first seed of all rows first, so that it is whole early.

    Args:
      table: of a paper.
      scale: a key of `scales.SCALES`.
      rows: names of rows; empty: all.
      seeds: empty: the table's.
      data: folders by the name of a data set; "" is that of all others.

    Raises:
      UserError: for a row that does not exist.
    """
    names = [row.name for row in table.rows]
    if unknown := [name for name in rows if name not in names]:
        raise UserError(f"there is no row {unknown[0]!r}; there are {', '.join(names)}")
    measured = [column for column in table.columns if column.protocol not in ("", CURVES)]
    cells = {(scales.protocol_at(scale, c.protocol), c.metric): None for c in measured}
    return [
        Run(row, seed, scales.resolve(row, scale, seed=seed, data=data), tuple(cells))
        for seed in seeds or table.seeds
        for row in table.rows
        if scale in row.scales and (not rows or row.name in rows)
    ]


def missing(run: Run, result: Mapping[str, Any] | None) -> list[str]:
    """The protocols that a run has not been evaluated by; all of them if it was not trained."""
    if result is None:
        return list(dict.fromkeys(protocol for protocol, _ in run.cells))
    final = FINAL if result["evaluation"] else {}
    left = [cell for cell in run.cells if cell not in final]
    return list(dict.fromkeys(p for p, _ in left if p not in result["evaluations"]))


def run_all(runs: Iterable[Run], store: Store, workdir: Path, *, at_once: int = 1) -> list[str]:
    """Trains and evaluates what is missing; a finished run is never run again.

    Args:
      runs: those of equal settings and images are run once.
      store: where results are kept, each as its run ends.
      workdir: folder of the runs themselves; a run that was stopped resumes there.
      at_once: number of runs at a time, each on its share of the cores.

    Returns:
      A line on every run that failed; the others went on.

    Raises:
      UserError: where images cannot be opened; names the row that needs them.
    """
    wanted: dict[str, Run] = {}
    for run in runs:
        try:
            name = identity(run.config)
        except UserError as error:
            raise UserError(f"row {run.row.name!r} needs its images: {error}") from error
        result = store.of_run(name)
        if result is None or missing(run, result):
            # Tables that share a run may evaluate it for different columns.
            cells = (*(wanted[name].cells if name in wanted else ()), *run.cells)
            wanted[name] = run._replace(cells=tuple(dict.fromkeys(cells)))
    cores: queue.SimpleQueue[set[int]] = queue.SimpleQueue()
    for i in range(at_once):
        cores.put(set(sorted(os.sched_getaffinity(0))[i::at_once]))
    failed = []
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        jobs = {
            pool.submit(_execute, name, run, store, workdir, cores): run
            for name, run in wanted.items()
        }
        for job in concurrent.futures.as_completed(jobs):
            if error := job.exception():
                run = jobs[job]
                failed.append(f"{run.row.name}, seed {run.seed}: {error}")
                print(f"failed: {failed[-1]}", file=sys.stderr, flush=True)
    return failed


def _execute(
    name: str, run: Run, store: Store, workdir: Path, cores: "queue.SimpleQueue[set[int]]"
) -> None:
    """Trains and evaluates one run in a process of its own, and keeps its result."""
    folder = workdir.absolute() / name
    folder.mkdir(parents=True, exist_ok=True)
    resolved = folder / "resolved.json"
    write_json(resolved, as_json(run.config))
    own = cores.get()
    try:
        print(f"{run.row.name}, seed {run.seed}: {folder}", flush=True)
        config = f"--config={ROOT}/experiments/engine/resolved.py:{resolved}"
        _call(["main", config, f"--workdir={folder}"], workdir, own, folder / "train.log")
        if not (folder / "result.json").exists():
            raise RuntimeError("stopped before its end; the same command resumes it")
        result = _result(run, folder)
        store.write(name, result)
        left = missing(run, result)
        if left:
            flags = [f"--workdir={folder}", f"--protocol={','.join(left)}"]
            _call(["evaluate", *flags], workdir, own, folder / "evaluate.log")
            store.write(name, _result(run, folder))
    finally:
        cores.put(own)


def _call(command: Sequence[str], workdir: Path, own: set[int], log: Path) -> None:
    """Runs a command of ssl_jax.

    Raises:
      RuntimeError: with the last line of its output, if it fails.
    """
    name, *flags = command
    # Runs that differ in their seed only are the same program.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(workdir.absolute() / "compiled")}
    with log.open("a") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", f"ssl_jax.{name}", *flags],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**cache, **os.environ},
        )
        # Two runs with a thread for every core each would be in one another's way.
        os.sched_setaffinity(process.pid, own)
        code = process.wait()
    if code:
        lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
        raise RuntimeError(f"exit {code}: {lines[-1]}")


def _result(run: Run, folder: Path) -> dict[str, Any]:
    """What is kept of a run."""
    result = json.loads((folder / "result.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    commit = ["git", "rev-parse", "--short=12", "HEAD"]
    kept = ("steps", "seconds", "images_per_second", "device", "digest", "data_fingerprint")
    evaluations = [json.loads(path.read_text()) for path in folder.glob("evaluations/*.json")]
    return {
        "settings": settings_of(run.config),
        "seed": run.seed,
        "commit": subprocess.run(commit, cwd=ROOT, capture_output=True, text=True).stdout.strip(),
        **{key: result[key] for key in kept},
        "warnings": result["warnings"],
        "evaluation": result["evaluation"],
        "evaluations": {found["protocol"]: found for found in evaluations},
        "curve": [
            {"step": line["step"], **{key: line[key] for key in CURVE if key in line}}
            for line in lines
            if "effective_rank" in line
        ],
    }
