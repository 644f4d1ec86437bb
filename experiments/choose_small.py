"""How the scale `small` was chosen: SimCLR on parts of CIFAR-10 of equal cost, by held-out images.

    python -m experiments.choose_small --data=DIR [--workdir=DIR]

The same number of steps on 5,000, 10,000 and 20,000 images. Ridge regression is fitted to the
training images and scored on 2,000 other training images, which no run learns from; the test images
are not touched. Writes experiments/results/choose_small.json, by which 10,000 images were chosen:
there the encoder is furthest ahead of raw pixels.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from experiments.engine import scales
from experiments.engine.cells import Cell
from experiments.engine.execute import run_all
from experiments.engine.runs import Run
from experiments.engine.store import Store, identity
from experiments.engine.table import Row
from ssl_jax.command_line import run_command
from ssl_jax.data.dataset import in_memory
from ssl_jax.data.splits import set_aside
from ssl_jax.devices import hardware
from ssl_jax.encoder.load import load_encoder
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.extract import extract, pixels
from ssl_jax.evaluation.features import Labelled
from ssl_jax.setup.data import load_splits
from ssl_jax.storage.atomic import write_json

# (images, epochs): as many steps each.
CANDIDATES = ((5_000, 20), (10_000, 10), (20_000, 5))
OUTPUT = Path(__file__).parent / "results" / "choose_small.json"


def main(argv: Sequence[str]) -> None:
    """Flags: --data=DIR  --workdir=DIR"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--workdir", type=Path, default=Path("runs/choose_small"))
    args = parser.parse_args(list(argv[1:]))
    store, found = Store(args.workdir / "results"), []
    for images, epochs in CANDIDATES:
        changes = {"data.limit": images, "epochs": epochs, "optimizer.warmup_epochs": epochs / 10}
        row = Row(f"{images} images", "simclr", changes=changes)
        config = scales.resolve(row, "small", seed=0, data={"": args.data})
        run_all([Run(row, 0, config, (Cell("ridge", "top1"),))], store, args.workdir)
        folder = args.workdir / identity(config)
        found.append({"images": images, "epochs": epochs, **held_out(config, folder)})
        print(found[-1], flush=True)
    write_json(OUTPUT, {"device": hardware.device_name(), "seed": 0, "candidates": found})


def held_out(config, folder: Path) -> dict[str, float]:
    """Ridge accuracy on held-out images: trained encoder and raw pixels; and the last loss."""
    splits = load_splits(config)
    rest, choosing = set_aside(splits.train, len(splits.train.images) // 10)
    parts = [in_memory(part) for part in (rest, choosing, splits.holdout)]
    encoder = load_encoder(folder)

    def accuracy(features) -> float:
        labelled = [Labelled(np.asarray(features(p.images)), p.labels) for p in parts]
        return ridge_probe(*labelled, num_classes=10).accuracy.top1

    trained = accuracy(lambda images: extract(encoder.encode, images, batch_size=256))
    return {"trained": trained, "pixels": accuracy(pixels), "devices": jax.device_count()}


if __name__ == "__main__":
    run_command.run(main)
