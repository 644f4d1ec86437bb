"""Every method on scikit-learn's digits.

    python experiments/digits.py [--workdir=runs/experiments] [--seeds=0,1,2] [--at_once=2]

The bare configs, nothing overridden but the seed. Two runs at once, each on one CPU core, which is
what the seconds are of. Writes results/digits.json, a row as each run ends, and prints the table.
One to four minutes a run.
"""

import argparse
from pathlib import Path

from runs import accuracies, mean_and_deviation, run_all

NAME = "digits"
METHODS = {
    "BA-MoCo": "ba_moco",
    "MoCo v3 (BA-MoCo without fusion)": "moco_v3",
    "MSBReg, 4 views": "msbreg",
    "BYOL": "byol",
    "Multi-network": "multi_network",
    "NNCLR": "nnclr",
    "Fast-MoCo": "fast_moco",
    "MoCo v2": "moco_v2",
    "BA + MoCo v2": "ba_moco_v2",
    "BA + BYOL": "ba_byol",
    "SimCLR": "simclr",
    "BA + SimCLR": "ba_simclr",
    "Downscaled SimCLR": "simclr_downscaled",
    "Downscaled SimCLR, ViT": "simclr_vit",
    "SimSiam": "simsiam",
    "BA + SimSiam": "ba_simsiam",
    "BYOL, multi-crop": "byol_multicrop",
    "W-MSE": "w_mse",
    "Barlow Twins": "barlow_twins",
    "VICReg": "vicreg",
    "alignment + uniformity": "align_uniform",
    "SwAV": "swav",
    "DINO": "dino",
    "supervised": "supervised",
}
ROWS = {name: [f"--config=configs/{config}.py"] for name, config in METHODS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--at_once", type=int, default=2)
    args = parser.parse_args()
    seeds = [int(seed) for seed in args.seeds.split(",")]
    print(table(run_all(NAME, ROWS, seeds=seeds, workdir=args.workdir, at_once=args.at_once)))


def table(done: list[dict]) -> str:
    """Markdown: loss, accuracies, effective rank and time of each method, and what to beat."""
    lines = [
        "| test images | loss | kNN, % | linear, % | effective rank | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name in ROWS:
        runs = [run for run in done if run["row"] == name]
        if not runs:
            continue
        last = [run["curve"][-1] for run in runs]
        loss = mean_and_deviation([point["loss"] for point in last], scale=1.0)
        rank = mean_and_deviation([point["effective_rank"] for point in last], scale=1.0, digits=1)
        seconds = f"{sum(run['seconds'] for run in runs) / len(runs):.0f}"
        lines.append(f"| {name} | {loss} | {accuracies(runs, 'trained')} | {rank} | {seconds} |")
    reference = [run for run in done if run["row"] == "SimCLR"]
    for name, who in (("untrained encoder", "untrained"), ("raw pixels", "pixels")):
        lines.append(f"| {name} | | {accuracies(reference, who)} | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
