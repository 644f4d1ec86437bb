"""Six methods on all of CIFAR-10 for 200 epochs, on an accelerator.

    python experiments/cifar10.py --data=DIR [--methods=simclr,byol] [--seeds=0] [--workdir=DIR]

Every method has its config's `cifar10` variant, one published recipe, with nothing changed but the
number of epochs. DIR holds cifar-10-batches-py. Writes results/cifar10.json, a row as each run
ends, the curves beside it as PNG, and docs/cifar10.md. A command that was stopped goes on where it
was: `timeout --signal=TERM --kill-after=30 540 python experiments/cifar10.py ...` makes sittings of
nine minutes.
"""

import argparse
from pathlib import Path

from runs import RESULTS, accuracies, mean_and_deviation, plot, run_all

NAME = "cifar10"
EPOCHS = 200
DOCUMENT = Path(__file__).parent.parent / "docs" / "cifar10.md"
# What stands first is trained first, and is there when time runs out. By the config's name: what
# it is called, and published linear top-1 with its epochs and source.
METHODS = {
    "simclr": ("SimCLR", "87.11 (200, Multi-network paper), about 91 (1000, official code)"),
    "moco_v3": ("MoCo v3", "none"),
    "ba_moco": ("BA-MoCo", "92.12 (1000, paper)"),
    "multi_network": ("Multi-network", "90.18 (200, paper)"),
    "byol": ("BYOL", "85.58 (200, Multi-network paper), 92.58 (1000, solo-learn)"),
    "msbreg": ("MSBReg, 4 views", "none"),
}
HEAD = f"""# CIFAR-10, {EPOCHS} epochs

ResNet-18 with the 3x3 stem, every method with the settings of its config's `cifar10` variant.
49,000 training images, and 1,000 held out for metrics while training; accuracy on the 10,000 test
images, which are read once, after the last epoch. Frozen encoder, images without augmentation.
`knn`: k = 20, cosine similarity s, votes weighted by exp(s / 0.07). `ridge`: ridge regression,
its lambda chosen on held-out training images. Published numbers are those of linear classifiers,
with epochs and source; their settings and protocols differ from ours.

Made by `python experiments/cifar10.py --data=DIR` from `experiments/results/cifar10.json`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--methods", default=",".join(METHODS), help="names of configs")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    args = parser.parse_args()
    if unknown := set(args.methods.split(",")) - set(METHODS):
        raise SystemExit(f"no method {min(unknown)!r}; there are {', '.join(METHODS)}")
    rows = {
        name: [
            f"--config=configs/{name}.py:cifar10",
            f"--config.epochs={EPOCHS}",
            f"--config.data.path={args.data}",
        ]
        for name in args.methods.split(",")
    }
    seeds = [int(seed) for seed in args.seeds.split(",")]
    done = run_all(NAME, rows, seeds=seeds, workdir=args.workdir)
    if done:
        plot(done, RESULTS / f"{NAME}.png")
    DOCUMENT.write_text(document(done))
    print(table(done))


def table(done: list[dict]) -> str:
    """Markdown: accuracies, time and device of each method beside what was published."""
    lines = [
        "| test images | knn, % | ridge, % | effective rank | minutes | device | seeds "
        "| published, % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (label, published) in METHODS.items():
        runs = [run for run in done if run["row"] == name]
        if not runs:
            lines.append(f"| {label} | not run | | | | | | {published} |")
            continue
        ranks = [run["curve"][-1]["effective_rank"] for run in runs]
        minutes = [run["seconds"] / 60 for run in runs]
        cells = [
            label,
            accuracies(runs, "trained"),
            mean_and_deviation(ranks, scale=1.0, digits=1),
            mean_and_deviation(minutes, scale=1.0, digits=1),
            ", ".join(sorted({run["device"] for run in runs})),
            ", ".join(str(run["seed"]) for run in runs),
            published,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def document(done: list[dict]) -> str:
    """docs/cifar10.md."""
    return f"{HEAD}\n{table(done)}\n"


if __name__ == "__main__":
    main()
