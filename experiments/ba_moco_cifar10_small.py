"""Batch fusion on or off, on 5,000 images of CIFAR-10, small enough for two CPU cores.

    python experiments/ba_moco_cifar10_small.py --data=DIR [--workdir=runs/experiments]

BA-MoCo and the same run without fusion (MoCo v3), three seeds each: a ResNet with one block a
stage, of width 16, 20 epochs, batch 128. DIR holds cifar-10-batches-py. Writes
results/ba_moco_cifar10_small.json, a row as each run ends, and the curves beside it as PNG
(matplotlib); prints the table. About 40 minutes on two cores.
"""

import argparse
from pathlib import Path

from runs import RESULTS, accuracies, plot, run_all

NAME = "ba_moco_cifar10_small"
SEEDS = (0, 1, 2)
SMALL = [
    "--config=configs/ba_moco.py:cifar10",
    "--config.data.limit=5000",
    "--config.data.holdout=0.04",
    "--config.network.width=16",
    "--config.network.stages=(1,1,1,1)",
    "--config.epochs=20",
    "--config.batch_size=128",
    "--config.learning_rate=2e-3",
    "--config.optimizer.warmup_epochs=2",
    "--config.method.hidden=512",
    "--config.method.out=128",
    "--config.probe_every_epochs=2",
    "--config.checkpoint_every_epochs=5",
    "--config.log_every_steps=39",
]
ROWS = {
    "fused": [*SMALL],
    "not_fused": [*SMALL, "--config.fusion.enabled=false"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    args = parser.parse_args()
    rows = {name: [*r, f"--config.data.path={args.data}"] for name, r in ROWS.items()}
    done = run_all(NAME, rows, seeds=SEEDS, workdir=args.workdir)
    print(table(done))
    plot(done, RESULTS / f"{NAME}.png")


def table(done: list[dict]) -> str:
    """Markdown: kNN and linear accuracy of each row, and of what they have to beat."""
    lines = ["| | kNN, % | linear, % |", "|---|---|---|"]
    names = {"fused": "BA-MoCo", "not_fused": "MoCo v3 (the same without fusion)"}
    shown = [(names[row], row, "trained") for row in ROWS]
    shown += [("untrained encoder", "fused", "untrained"), ("raw pixels", "fused", "pixels")]
    for label, row, who in shown:
        runs = [r for r in done if r["row"] == row]
        lines.append(f"| {label} | {accuracies(runs, who)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
