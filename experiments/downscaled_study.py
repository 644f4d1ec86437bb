"""An MLP on pixels, features, and PCA and t-SNE of them: Figure 10 of the downscaled SimCLR paper.

    python experiments/downscaled_study.py --workdir=DIR [--paper_way] [--data=PATH] [--seed=0]

DIR is the folder of a run, by whose encoder and data the study is made; `--data` says where the
data lie if not where they were. With `--paper_way` PCA and t-SNE are fitted to training and test
images separately, as the paper's code does; see ssl_jax/evaluation/protocols/downscaled.py. Writes
DIR/downscaled_study.json and .png, or downscaled_study_paper_way, and prints the accuracies.
"""

import argparse
from pathlib import Path

import jax
from ml_collections import ConfigDict

from ssl_jax.command_line import run_command
from ssl_jax.devices import sharding
from ssl_jax.encoder.load import load_encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.protocols.downscaled import INPUTS, downscaled, draw_bars
from ssl_jax.evaluation.task import make_task
from ssl_jax.setup.data import load_splits
from ssl_jax.storage import atomic

NAME = "downscaled_study"
PAPER = {"pixels": 35.77, "features": 48.63, "pca": 39.67, "tsne": 28.72}  # on CIFAR-10


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--paper_way", action="store_true")
    parser.add_argument("--data", default="", help="where the data of the run lie")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train_images", type=int, default=5000)
    parser.add_argument("--test_images", type=int, default=2000)
    args = parser.parse_args(argv[1:])
    settings = atomic.read_json(args.workdir / "config.json")
    if settings is None:
        raise UserError(f"{args.workdir} has no config.json: not the folder of a run")
    config = ConfigDict(settings)
    config.data.path = args.data or config.data.path
    task = make_task(
        load_encoder(args.workdir),
        load_splits(config),
        shardings=sharding.make(jax.device_count()),
    )
    result = downscaled(
        task,
        args.seed,
        paper_way=args.paper_way,
        train_images=args.train_images,
        test_images=args.test_images,
    )
    path = args.workdir / (NAME + "_paper_way" * args.paper_way)
    about = {"seed": args.seed, "data": config.data.name, "step": task.encoder.step}
    atomic.write_json(path.with_suffix(".json"), {**about, **result})
    draw_bars(result, path.with_suffix(".png"))
    print("| input | accuracy, % | the paper's on CIFAR-10, % |\n|---|---|---|")
    for name, text in INPUTS.items():
        print(f"| {text} | {100 * result[f'{name}_top1']:.2f} | {PAPER[name]} |")
    print(f"written: {path.with_suffix('.json')}")


if __name__ == "__main__":
    run_command.run(main)
