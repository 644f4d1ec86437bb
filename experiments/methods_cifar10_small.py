"""All methods on 5,000 images of CIFAR-10 under one small budget, for two CPU cores.

    python experiments/methods_cifar10_small.py --data=DIR [--workdir=DIR] [--at_once=2]

The setting is that of `cifar10_small.py`, the same for all. Three seeds for the papers' own methods
and their closest rivals, one for the rest. DIR holds cifar-10-batches-py. Writes
results/methods_cifar10_small.json, a row as each run ends, and prints the table. Some minutes a
row; several run at once, so their times say nothing and are not shown.
"""

import argparse
from pathlib import Path

from digits import METHODS
from runs import accuracies, mean_and_deviation, run_all

NAME = "methods_cifar10_small"
OWN_AND_CLOSEST = (
    "BA-MoCo",
    "MoCo v3 (BA-MoCo without fusion)",
    "MSBReg, 4 views",
    "BYOL",
    "Multi-network",
    "NNCLR",
    "Fast-MoCo",
    "SimCLR",
    "Downscaled SimCLR",
)
SEEDS = {name: (0, 1, 2) if name in OWN_AND_CLOSEST else (0,) for name in METHODS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--at_once", type=int, default=2)
    args = parser.parse_args()
    rows = {
        name: [
            f"--config=experiments/cifar10_small.py:{config}",
            f"--config.data.path={args.data}",
        ]
        for name, config in METHODS.items()
    }
    done = run_all(NAME, rows, seeds=SEEDS, workdir=args.workdir, at_once=args.at_once)
    print(table(done))


def table(done: list[dict]) -> str:
    """Markdown: accuracies, effective rank and seeds of each method, and what it has to beat."""
    lines = [
        "| test images | kNN, % | linear, % | effective rank | seeds |",
        "|---|---|---|---|---|",
    ]
    for name in METHODS:
        runs = [run for run in done if run["row"] == name]
        if not runs:
            continue
        ranks = [run["curve"][-1]["effective_rank"] for run in runs]
        rank = mean_and_deviation(ranks, scale=1.0, digits=1)
        lines.append(f"| {name} | {accuracies(runs, 'trained')} | {rank} | {len(runs)} |")
    reference = [run for run in done if run["row"] == "SimCLR"]
    for name, who in (("untrained encoder", "untrained"), ("raw pixels", "pixels")):
        lines.append(f"| {name} | {accuracies(reference, who)} | | {len(reference)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
