"""Every method on scikit-learn's digits, three seeds each.

    python experiments/digits.py [--workdir=runs/experiments]

The bare configs, nothing overridden but the seed. Writes results/digits.json, a row as each run
ends, and prints the table. About two minutes a run on two cores.
"""

import argparse
from pathlib import Path

from runs import mean_and_deviation, run_all

NAME = "digits"
SEEDS = (0, 1, 2)
ROWS = {
    "BA-MoCo": ["--config=configs/ba_moco.py"],
    "MoCo v3": ["--config=configs/moco_v3.py"],
    "SimCLR": ["--config=configs/simclr.py"],
    "MoCo v2": ["--config=configs/moco_v2.py"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    args = parser.parse_args()
    print(table(run_all(NAME, ROWS, seeds=SEEDS, workdir=args.workdir)))


def table(done: list[dict]) -> str:
    """Markdown: kNN and linear accuracy of each method, and of what it has to beat."""
    lines = ["| test images | kNN, % | linear, % |", "|---|---|---|"]
    shown = [(row, row, "trained") for row in ROWS]
    shown += [("untrained encoder", "BA-MoCo", "untrained"), ("raw pixels", "BA-MoCo", "pixels")]
    for label, row, who in shown:
        scores = [r["evaluation"][who] for r in done if r["row"] == row]
        if scores:
            knn, linear = (
                mean_and_deviation([s[f"{key}_top1"] for s in scores]) for key in ("knn", "linear")
            )
            lines.append(f"| {label} | {knn} | {linear} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
