"""Doing the runs of tables: training and evaluating what is missing, in processes of their own."""

import concurrent.futures
import json
import math
import os
import queue
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from experiments.engine.cells import Cell
from experiments.engine.runs import Run, missing, missing_cells
from experiments.engine.store import Store, identity, settings_of
from ssl_jax.data import sources
from ssl_jax.errors import UserError
from ssl_jax.names.lookup import choices
from ssl_jax.run.result import is_complete
from ssl_jax.setup.settings import as_json
from ssl_jax.storage.atomic import make_folder, read_json, write_json

ROOT = Path(__file__).parents[2]
# When a run logs, probes and saves, which changes no number of it.
WHEN = (
    "log_every_steps",
    "probe_every_epochs",
    "checkpoint_every_epochs",
    "keep_checkpoints",
)
# What is kept of the metrics that were logged while training.
CURVE = ("epoch", "loss", "knn_top1", "embedding_std_ratio", "feature_std_ratio", "effective_rank")


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
            for cell in run.cells:
                if cell.data:
                    folder_of(cell.data, run.folders)
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
    """Trains and evaluates one run in processes of its own, and keeps its result.

    What was trained already is not trained again where its folder is still there.
    """
    folder = workdir.absolute() / name
    make_folder(folder)
    own = cores.get()
    try:
        print(f"{run.row.name}, seed {run.seed}: {folder}", flush=True)
        result = store.of_run(name)
        if result is None or not _is_trained(folder):
            _train(run, folder, workdir, own)
            result = _result(run, folder)
            store.write(name, result)
        for cells in _together(missing_cells(run, result)):
            try:
                _evaluate(run, cells, result, folder, workdir, own)
            finally:
                store.write(name, result)
    finally:
        cores.put(own)


def _train(run: Run, folder: Path, workdir: Path, own: set[int]) -> None:
    """Trains a run, or resumes it.

    Raises:
      RuntimeError: if that fails, or is stopped.
    """
    config = run.config.copy_and_resolve_references()
    every, keep = _checkpoints(run)
    config.checkpoint_every_epochs, config.keep_checkpoints = every, keep
    if begun := read_json(folder / "config.json"):
        # By another table: a run resumes with the settings that it began with.
        config.update({key: begun[key] for key in WHEN})
    resolved = folder / "resolved.json"
    write_json(resolved, as_json(config))
    flag = f"--config={ROOT}/experiments/engine/resolved.py:{resolved}"
    _call(["main", flag, f"--workdir={folder}"], workdir, own, folder / "train.log")
    if not _is_trained(folder):
        raise RuntimeError("stopped before its end; the same command resumes it")


def _is_trained(folder: Path) -> bool:
    """Whether a run came to its end, its evaluation included."""
    result = read_json(folder / "result.json")
    return result is not None and is_complete(result)


def _checkpoints(run: Run) -> tuple[int, int]:
    """(every how many epochs there is a checkpoint, how many are kept): as cells ask for."""
    config = run.config
    early = [_epoch(cell, config) for cell in run.cells if cell.at < 1]
    if not early:
        return config.checkpoint_every_epochs, config.keep_checkpoints
    every = math.gcd(config.epochs, *early)
    return every, max(config.keep_checkpoints, config.epochs // every)


def _epoch(cell: Cell, config: ConfigDict) -> int:
    """The epoch after which a cell is evaluated."""
    return max(1, round(cell.at * config.epochs))


def _together(cells: Iterable[Cell]) -> list[list[Cell]]:
    """The cells that one call can evaluate: of the same images and the same checkpoint."""
    groups: dict[tuple[str, float], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.data, cell.at), []).append(cell)
    return list(groups.values())


def _evaluate(
    run: Run,
    cells: Sequence[Cell],
    result: dict[str, Any],
    folder: Path,
    workdir: Path,
    own: set[int],
) -> None:
    """Adds evaluations of one data set and checkpoint to a result, also where some fail.

    Raises:
      RuntimeError: if one fails.
    """
    data, at = cells[0].data, cells[0].at
    names = {cell.protocol: cell.evaluation for cell in cells}
    flags = [f"--workdir={folder}", f"--protocol={','.join(names)}"]
    if at < 1:
        epoch = _epoch(cells[0], run.config)
        flags.append(f"--step={result['steps'] // run.config.epochs * epoch}")
    if data:
        known = data if data in choices(sources) else "folder"
        flags += [f"--data={known}", f"--data_path={folder_of(data, run.folders)}"]
    files = folder / "evaluations"
    before = _written(files)
    try:
        _call(["evaluate", *flags], workdir, own, folder / "evaluate.log")
    finally:
        for path, _ in set(_written(files).items()) - set(before.items()):
            found = json.loads(path.read_text())
            result["evaluations"][names[found["protocol"]]] = {**found, "commit": _commit()}


def _written(folder: Path) -> dict[Path, int]:
    """Files of evaluations, with the time when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}


def folder_of(data: str, folders: Mapping[str, str]) -> str:
    """Where a data set lies that a column names; the digits lie nowhere.

    Raises:
      UserError: if that is not known.
    """
    found = folders.get(data, folders.get("", ""))
    if not found and data != "digits":
        raise UserError(f"it is evaluated on {data}: --data={data}=FOLDER")
    return found


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


def _commit() -> str:
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def _result(run: Run, folder: Path) -> dict[str, Any]:
    """What is kept of a run that was trained."""
    result = json.loads((folder / "result.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    kept = ("steps", "seconds", "images_per_second", "device", "digest", "data_fingerprint")
    return {
        "settings": settings_of(run.config),
        "seed": run.seed,
        "commit": _commit(),
        **{key: result[key] for key in kept},
        "warnings": result["warnings"],
        "evaluation": result["evaluation"],
        "evaluations": {},
        "curve": [
            {"step": line["step"], **{key: line[key] for key in CURVE if key in line}}
            for line in lines
            if "effective_rank" in line
        ],
    }
