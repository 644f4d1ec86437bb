"""What batch fusion makes of a view: the blocks of ba_ssl/options, untrained and trained.

    python -m experiments.what_fusion_learns --data=DIR [--workdir=runs/experiments]

Reads the last checkpoints of the table's runs at the scale `small`, as `python -m experiments run
ba_ssl/options --data=DIR` leaves them, and passes fixed batches of training views through each
block, as it was initialised and as it was trained. Writes results/what_fusion_learns.json, and
results/small/ba_ssl/fused.png with some views as each block leaves them.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.ba_ssl.options import TABLE
from experiments.engine.runs import Run, runs_of
from experiments.engine.store import identity
from ssl_jax.command_line import run_command
from ssl_jax.data.dataset import gather
from ssl_jax.devices import hardware
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.networks.pixels import normalize_images
from ssl_jax.run.resume import restore
from ssl_jax.setup.build import Setup, build
from ssl_jax.storage.atomic import write_json
from ssl_jax.storage.checkpoint import Checkpoints

RESULTS = Path(__file__).parent / "results"
PICTURE = RESULTS / "small" / "ba_ssl" / "fused.png"
BATCHES = 4
SHOWN = 6
# Images whose influences are measured in each batch.
PROBES = 16

Views = Float[Array, "n h w c"]
Figures = dict[str, float]


def main(argv: Sequence[str]) -> None:
    """Flags: --data=DIR  --workdir=DIR"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    args = parser.parse_args(list(argv[1:]))
    found, columns = [], {}
    for run in runs_of(TABLE, "small", data={"": args.data}):
        folder = args.workdir / identity(run.config)
        if run.row.config == "ba_moco" and (folder / "result.json").exists():
            trained, fused = look(run, folder)
            found.append(trained)
            print(f"{run.row.name}, seed {run.seed}: {trained['trained']}", flush=True)
            if run.seed == 0:
                columns |= fused
    write_json(
        RESULTS / "what_fusion_learns.json", {"device": hardware.device_name(), "runs": found}
    )
    draw(columns, PICTURE)


def table(found: dict[str, Any]) -> str:
    """Markdown: means over the seeds of every row, untrained -> trained."""
    columns = {
        "correlation with the view": "own_correlation",
        "influence of the own image": "own_influence",
        "F": "F",
        "R": "R",
        "pairs found": "pairs_after",
    }
    lines = [f"| row | seeds | {' | '.join(columns)} |", "|---" * (2 + len(columns)) + "|"]
    for row in dict.fromkeys(run["row"] for run in found["runs"]):
        runs = [run for run in found["runs"] if run["row"] == row]
        cells = (
            " -> ".join(
                f"{np.mean([run[when][key] for run in runs]):.2f}"
                for when in ("untrained", "trained")
            )
            for key in columns.values()
        )
        lines.append(f"| {row} | {len(runs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def look(run: Run, folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Figures of the block of a run, and some views as it leaves them."""
    setup = build(run.config)
    block = setup.model.fusion
    assert block is not None
    with Checkpoints(folder / "checkpoints") as checkpoints:
        trained = restore(setup, checkpoints).train
    blocks = {
        "untrained": setup.trainer.init().params["fusion"],
        "trained": trained.params["fusion"],
    }
    batches = [training_views(setup, number) for number in range(BATCHES)]
    row: dict[str, Any] = {"row": run.row.name, "seed": run.seed}
    for name, params in blocks.items():
        measured = [figures(block, params, first, second) for first, second in batches]
        row[name] = {key: float(np.mean([m[key] for m in measured])) for key in measured[0]}
    second = batches[0][1]
    fused = block.apply({"params": blocks["trained"]}, second)
    shown = {"view": second[:SHOWN], run.row.name: fused[:SHOWN]}
    return row, {name: np.asarray(images) for name, images in shown.items()}


def training_views(setup: Setup, number: int) -> tuple[Views, Views]:
    """The two views of a batch of training images; the same for every run on these images."""
    size = setup.plan.batch_size
    images = gather(setup.data.splits.train.images, np.arange(number * size, (number + 1) * size))
    first, second = jax.jit(setup.model.augment)(
        jax.random.split(jax.random.key(number), size), images
    )
    return first, second


def figures(block: BatchFusion, params: Any, first: Views, second: Views) -> Figures:
    """What a block makes of the second views of a batch, in the space in which it fuses.

    Args:
      block: batch fusion.
      params: its parameters.
      first: the other views of the same images, which are not fused.
      second: the views to fuse.

    Returns:
      own_correlation: of a fused view with the view itself, over its values.
      other_correlation: of a fused view with the view of another image, the largest of the batch.
      own_influence: share of the squared gradient of a fused view that goes to its own image.
      F, R: size of the two branches of the last layer over that of the view, by root mean square.
      removed: share of values at the ReLU's zero.
      pairs_before, pairs_after: share of views, and of fused views, whose most correlated first
        view is that of the same image.
    """

    def fuse(views: Views) -> Views:
        return inside(block.apply({"params": params}, views))

    def inside(views: Views) -> Views:
        space = () if block.fuse_before_normalize else (block.mean, block.std)
        return normalize_images(views, *space) if space else views

    view, fused = inside(second), fuse(second)
    between = correlations(fused, view)
    others = between - 2 * jnp.eye(len(view))
    branches = branch_outputs(block, params, second)
    return {
        "own_correlation": float(jnp.diag(between).mean()),
        "other_correlation": float(others.max(1).mean()),
        "own_influence": float(own_influence(fuse, second, min(PROBES, len(second)))),
        **{name: float(size(branch) / size(view)) for name, branch in branches.items()},
        "removed": float((fused == 0).mean()) if block.restore_activation == "relu" else 0.0,
        "pairs_before": float(found_again(view, inside(first))),
        "pairs_after": float(found_again(fused, inside(first))),
    }


def correlations(a: Views, b: Views) -> Float[Array, "n n"]:
    """Correlation of the values of every image of `a` with those of every image of `b`."""
    a, b = (x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(1, keepdims=True) for x in (a, b))
    sizes = jnp.linalg.norm(a, axis=1)[:, None] * jnp.linalg.norm(b, axis=1)[None]
    return a @ b.T / jnp.maximum(sizes, 1e-12)


def found_again(queries: Views, bank: Views) -> Float[Array, ""]:
    """Share of images of `queries` that are most correlated with the image of their own number."""
    return (correlations(queries, bank).argmax(1) == jnp.arange(len(queries))).mean()


def own_influence(fuse: Callable[[Views], Views], views: Views, probes: int) -> Float[Array, ""]:
    """Share of the squared derivatives of an output image that is by its own input image.

    Estimated, as E |J' u|^2 = |J|^2 for normal u, by one u for each of the first `probes` images.
    """
    _, pull = jax.vjp(fuse, views)
    shares = []
    for image in range(probes):
        noise = jax.random.normal(jax.random.key(image), views.shape[1:])
        (gradient,) = pull(jnp.zeros_like(views).at[image].set(noise))
        energy = (gradient**2).sum((1, 2, 3))
        shares.append(energy[image] / energy.sum())
    return jnp.stack(shares).mean()


def branch_outputs(block: BatchFusion, params: Any, views: Views) -> dict[str, Array]:
    """F(T) and R(T) of the last embedding layer."""
    branches = {"_convolutions": "F", "_residual": "R"}

    def is_branch(_: nn.Module, method: str) -> bool:
        return method in branches

    _, kept = block.apply({"params": params}, views, capture_intermediates=is_branch)
    layer = kept["intermediates"][f"layer{block.depth}"]
    return {name: layer[method][0] for method, name in branches.items()}


def size(values: Array) -> Float[Array, ""]:
    """Root mean square."""
    return jnp.sqrt((values**2).mean())


def draw(columns: dict[str, np.ndarray], path: Path) -> None:
    """One column a block, one row an image; values outside [0, 1] are cut off."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        SHOWN, len(columns), figsize=(1.25 * len(columns), 1.25 * SHOWN), squeeze=False
    )
    for column, (name, images) in enumerate(columns.items()):
        axes[0, column].set_title(name.replace(" ", "\n"), fontsize=7)
        for row, image in enumerate(images):
            axes[row, column].imshow(np.clip(image, 0, 1))
            axes[row, column].axis("off")
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    run_command.run(main)
