"""Batch fusion on or off, on 5,000 images of CIFAR-10, small enough for two CPU cores.

    python experiments/ba_moco_cifar10_small.py --data=DIR [--workdir=runs/experiments]

BA-MoCo and the same run without fusion (MoCo v3), three seeds each: a ResNet with one block a
stage, of width 16, 20 epochs, batch 128. DIR holds cifar-10-batches-py. Writes
results/ba_moco_cifar10_small.json, a row as each run ends, and the curves beside it as PNG
(matplotlib); prints the table. About 40 minutes on two cores.
"""

import argparse
from pathlib import Path

from runs import RESULTS, accuracies, run_all

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


def plot(done: list[dict], path: Path) -> None:
    """Held-out kNN accuracy and loss by epoch, one line a run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for row, colour in {"fused": "tab:orange", "not_fused": "tab:blue"}.items():
        for i, run in enumerate(r for r in done if r["row"] == row):
            epochs = [point["epoch"] for point in run["curve"]]
            for axis, key in zip(axes, ("knn_top1", "loss"), strict=True):
                values = [point[key] for point in run["curve"]]
                axis.plot(epochs, values, color=colour, label=row if i == 0 else None)
    axes[0].set(xlabel="epoch", ylabel="kNN accuracy, held-out images")
    axes[1].set(xlabel="epoch", ylabel="loss")
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
