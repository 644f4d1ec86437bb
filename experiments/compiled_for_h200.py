"""Kernels, bytes and operations of the training step as compiled for an H200, on a machine without.

    JAX_PLATFORMS=cpu python experiments/compiled_for_h200.py

See benchmarks/compile_for_gpu.py for what is needed and what is counted; two minutes a row. Writes
results/compiled_for_h200.json, a row as each is done, and prints the table. Rows that name a
change were compiled from a changed copy, and are not made again.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

NAME = "compiled_for_h200"
ROOT = Path(__file__).parent.parent
STEM = "--config.network.stem_padding=1"  # solo-learn's makes larger maps
ROWS = {
    "SimCLR, batch 512": ["--config=configs/simclr.py:cifar10"],
    **{
        f"{label}, batch 256": [
            f"--config=configs/{name}.py:cifar10",
            "--config.batch_size=256",
            STEM,
        ]
        for label, name in {
            "SimCLR": "simclr",
            "BYOL": "byol",
            "MoCo v3": "moco_v3",
            "BA-MoCo": "ba_moco",
            "MSBReg, 4 views": "msbreg",
            "Multi-network": "multi_network",
        }.items()
    },
    "BYOL, ResNet-50, 224 px, batch 128": [
        "--config=configs/byol.py:imagenet",
        "--config.batch_size=128",
    ],
}


def main() -> None:
    path = RESULTS / f"{NAME}.json"
    done = json.loads(path.read_text()) if path.exists() else []
    for name, flags in ROWS.items():
        if any(entry["row"] == name and not entry["change"] for entry in done):
            continue
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            command = [ROOT / "benchmarks/compile_for_gpu.py", *flags, f"--json={file.name}"]
            subprocess.run([sys.executable, *command], check=True, cwd=ROOT)
            done.append(row(name, flags, json.loads(Path(file.name).read_text())))
        path.write_text(json.dumps(done, indent=1) + "\n")
    print(table(done))


def row(name: str, flags: list[str], figures: dict, change: str = "") -> dict:
    """What is kept of the figures of compile_for_gpu. change: to the code, by a few words."""
    return {"row": name, "flags": flags, "change": change} | {
        key: value for key, value in figures.items() if key != "config"
    }


def table(done: list[dict]) -> str:
    """Markdown: what the programs hold, and the least time that an H200 needs for it."""
    lines = [
        "| training step | kernels | of these small | GB | GFLOP | least ms | temporary GiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in done:
        total = entry["categories"]["together"]
        name = f"{entry['row']}: {entry['change']}" if entry["change"] else entry["row"]
        cells = [
            name,
            f"{total['kernels']:,}",
            f"{total['small kernels']:,}",
            f"{total['GB']:.1f}",
            f"{total['GFLOP']:,.0f}",
            f"{total['least ms']:.2f}",
            f"{entry['temporary memory, MiB'] / 1024:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
