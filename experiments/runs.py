"""Runs of the main command for an experiment: one row a run, written as each one ends.

An experiment names its rows; a row whose result is already in the JSON file is not run again, so
that an experiment that was stopped goes on where it was.
"""

import concurrent.futures
import json
import os
import queue
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
# What is kept of the figures that were looked at while training.
CURVE = ("epoch", "loss", "knn_top1", "embedding_std_ratio", "feature_std_ratio", "effective_rank")


def run_all(
    name: str,
    rows: Mapping[str, Sequence[str]],
    *,
    seeds: Mapping[str, Sequence[int]] | Sequence[int],
    workdir: Path,
    at_once: int = 1,
) -> list[Row]:
    """Runs the command of every row for every seed; returns all rows of results/<name>.json.

    The first seed of all rows comes first, so that a table is whole early. A run that fails is
    reported and left out.

    rows: arguments of `python -m ssl_jax.main` by the row's name. seeds: of all rows, or by row.
      at_once: runs at a time, each on its share of the cores; their times then say nothing.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    done: list[Row] = json.loads(path.read_text()) if path.exists() else []
    have = {(run["row"], run["seed"]) for run in done}
    by_row = seeds if isinstance(seeds, Mapping) else dict.fromkeys(rows, seeds)
    rounds = range(max(len(of_row) for of_row in by_row.values()))
    wanted = [(row, by_row[row][i]) for i in rounds for row in rows if i < len(by_row[row])]
    cores: queue.SimpleQueue[set[int]] = queue.SimpleQueue()
    for i in range(at_once):
        cores.put(set(sorted(os.sched_getaffinity(0))[i::at_once]))
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        runs = {
            pool.submit(_run, row, rows[row], seed, workdir / name, cores): (row, seed)
            for row, seed in wanted
            if (row, seed) not in have
        }
        for run in concurrent.futures.as_completed(runs):
            row, seed = runs[run]
            if error := run.exception():
                print(f"{row}, seed {seed}: {error}", file=sys.stderr, flush=True)
                continue
            done.append({"row": row, "seed": seed, **run.result()})
            path.write_text(json.dumps(done, indent=1) + "\n")
    return done


def _run(
    row: str,
    arguments: Sequence[str],
    seed: int,
    workdir: Path,
    cores: "queue.SimpleQueue[set[int]]",
) -> Row:
    folder = workdir / f"{row}-seed{seed}".replace(" ", "_")
    command = [*arguments, f"--config.seed={seed}"]
    shown = ["python", "-m", "ssl_jax.main", *command]
    own = cores.get()
    print(" ".join(shown), flush=True)
    try:
        subprocess.run(
            [sys.executable, "-m", "ssl_jax.main", *command, f"--workdir={folder}"],
            check=True,
            # Two runs with a thread for every core each would be in one another's way.
            preexec_fn=partial(os.sched_setaffinity, 0, own),
            # Runs that differ in their seed only are the same program.
            env={**os.environ, "JAX_COMPILATION_CACHE_DIR": str(workdir.parent / "compiled")},
        )
    finally:
        cores.put(own)
    result = json.loads((folder / "result.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    commit = ["git", "rev-parse", "--short=12", "HEAD"]
    kept = ("steps", "seconds", "device", "digest", "data_fingerprint", "warnings", "evaluation")
    return {
        "commit": subprocess.run(commit, capture_output=True, text=True).stdout.strip(),
        # Paths are the machine's own business.
        "command": " ".join(a for a in shown if not a.startswith("--config.data.path")),
        **{key: result[key] for key in kept},
        "curve": [
            {"step": line["step"], **{key: line[key] for key in CURVE if key in line}}
            for line in lines
            if "effective_rank" in line
        ],
    }


def mean_and_deviation(values: Sequence[float], *, scale: float = 100.0, digits: int = 2) -> str:
    """The mean and, of several values, the deviation of a sample; in percent: "43.21 ± 0.54"."""
    mean = f"{scale * statistics.mean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {scale * statistics.stdev(values):.{digits}f}"


def accuracies(runs: Sequence[Row], who: str) -> str:
    """kNN and linear accuracy of "trained", "untrained" or "pixels", as two cells of a table."""
    scores = [run["evaluation"][who] for run in runs]
    return " | ".join(
        mean_and_deviation([score[f"{key}_top1"] for score in scores]) for key in ("knn", "linear")
    )


def plot(done: Sequence[Row], path: Path) -> None:
    """Held-out kNN accuracy and loss by epoch, one line a run, one colour a row."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for colour, row in enumerate(dict.fromkeys(run["row"] for run in done)):
        for i, run in enumerate(r for r in done if r["row"] == row):
            epochs = [point["epoch"] for point in run["curve"]]
            for axis, key in zip(axes, ("knn_top1", "loss"), strict=True):
                values = [point[key] for point in run["curve"]]
                axis.plot(epochs, values, color=f"C{colour}", label=row if i == 0 else None)
    axes[0].set(xlabel="epoch", ylabel="kNN accuracy, held-out images")
    axes[1].set(xlabel="epoch", ylabel="loss")
    axes[0].legend()
    figure.savefig(path, dpi=110)
