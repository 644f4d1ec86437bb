"""Does the Brownian term keep BYOL from collapsing without BatchNorm? On digits, three seeds each.

    python experiments/brownian_collapse.py [--workdir=runs/experiments]

Table 13 of MSBReg (Moon et al., arXiv 2207.03552; also its Table 6) in small: BYOL and MSBReg with
BatchNorm or LayerNorm in the heads, by the weight of the Brownian term. The bare configs but for
these two, with AdamW where the paper has LARS, and without the paper's row of batch 1024, which
is nearly all of digits. A collapse shows in the std of the embeddings, 0 where all are the same;
features stay spread, as the backbone keeps its BatchNorm. Writes results/brownian_collapse.json, a
row as each run ends, and prints the table.
"""

import argparse
from pathlib import Path

from runs import accuracies, mean_and_deviation, run_all

NAME = "brownian_collapse"
SEEDS = (0, 1, 2)


def byol(head_norm: str, brownian: float) -> list[str]:
    return [
        "--config=configs/byol.py",
        f"--config.method.head_norm={head_norm}",
        f"--config.penalty.brownian={brownian}",
    ]


def msbreg(head_norm: str, brownian: float) -> list[str]:
    return [
        "--config=configs/msbreg.py",
        f"--config.method.head_norm={head_norm}",
        f"--config.method.lambda_b={brownian}",
    ]


# In the paper's order, with the accuracies of its Table 13 (STL-10); BYOL with 5e-2 is ours.
ROWS = {
    "BYOL, BatchNorm": byol("batch", 0.0),
    "MSBReg, BatchNorm, 5e-2": msbreg("batch", 5e-2),
    "BYOL, LayerNorm": byol("layer", 0.0),
    "BYOL, LayerNorm, 5e-3": byol("layer", 5e-3),
    "BYOL, LayerNorm, 5e-2": byol("layer", 5e-2),
    "MSBReg, LayerNorm, 5e-4": msbreg("layer", 5e-4),
    "MSBReg, LayerNorm, 5e-3": msbreg("layer", 5e-3),
    "MSBReg, LayerNorm, 5e-2": msbreg("layer", 5e-2),
}
PAPER = dict(zip(ROWS, (89.5, 91.4, 10.6, 75.3, None, 80.7, 82.3, 78.7), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--at_once", type=int, default=2)
    args = parser.parse_args()
    print(table(run_all(NAME, ROWS, seeds=SEEDS, workdir=args.workdir, at_once=args.at_once)))


def table(done: list[dict]) -> str:
    """Markdown: accuracies, effective rank and spread of the embeddings of each row."""
    lines = [
        "| heads, weight of the Brownian term | kNN, % | linear, % | effective rank "
        "| std of embeddings, of 1 / sqrt(d) | the paper's linear on STL-10, % |",
        "|---|---|---|---|---|---|",
    ]
    for row, paper in PAPER.items():
        runs = [r for r in done if r["row"] == row]
        if not runs:
            continue
        rank, std = (
            mean_and_deviation([r["curve"][-1][key] for r in runs], scale=1.0)
            for key in ("effective_rank", "embedding_std_ratio")
        )
        lines.append(f"| {row} | {accuracies(runs, 'trained')} | {rank} | {std} | {paper or ''} |")
    bare = [r for r in done if r["row"] == "BYOL, BatchNorm"]
    if bare:
        lines.append(f"| untrained encoder | {accuracies(bare, 'untrained')} | | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
