"""Runs of the main command for an experiment: one row a run, written as each one ends.

An experiment names its rows; a row whose result is already in the JSON file is not run again, so
that an experiment that was stopped goes on where it was.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


def run_all(
    name: str, rows: Mapping[str, Sequence[str]], *, seeds: Sequence[int], workdir: Path
) -> list[Row]:
    """Runs the command of every row for every seed; returns all rows of results/<name>.json.

    rows: arguments of `python -m ssl_jax.main` by the row's name.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    done: list[Row] = json.loads(path.read_text()) if path.exists() else []
    for row, arguments in rows.items():
        for seed in seeds:
            if any(r["row"] == row and r["seed"] == seed for r in done):
                continue
            done.append({"row": row, "seed": seed, **_run(row, arguments, seed, workdir / name)})
            path.write_text(json.dumps(done, indent=1) + "\n")
    return done


def _run(row: str, arguments: Sequence[str], seed: int, workdir: Path) -> Row:
    folder = workdir / f"{row}-seed{seed}"
    command = [*arguments, f"--config.seed={seed}"]
    shown = ["python", "-m", "ssl_jax.main", *command]
    print(" ".join(shown), flush=True)
    subprocess.run(
        [sys.executable, "-m", "ssl_jax.main", *command, f"--workdir={folder}"], check=True
    )
    result = json.loads((folder / "result.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    kept = ("epoch", "loss", "knn_top1", "feature_std_ratio", "effective_rank")
    commit = ["git", "rev-parse", "--short=12", "HEAD"]
    return {
        "commit": subprocess.run(commit, capture_output=True, text=True).stdout.strip(),
        # Paths are the machine's own business.
        "command": " ".join(a for a in shown if not a.startswith("--config.data.path")),
        **{key: result[key] for key in ("steps", "device", "digest", "data_fingerprint")},
        "evaluation": result["evaluation"],
        "curve": [
            {"step": line["step"], **{key: line[key] for key in kept if key in line}}
            for line in lines
            if "knn_top1" in line
        ],
    }


def mean_and_deviation(values: Sequence[float]) -> str:
    """In percent, the deviation that of a sample: "43.21 ± 0.54"."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.2f} ± {100 * spread:.2f}"
