"""The cost of a training step of each method beside the others, measured in turn in one process.

    python benchmarks/cost_of_methods.py [--batch=256] [--json=FILE]

Run it in the root of the repository. Every method has the settings of its `cifar10` config, the
same batch, stem and random images, and trains with its augmentation. The ratios are printed
beside what the operations of the networks alone would give, and beside the aim. On CPU the network
is tiny, and the ratios say nothing of an accelerator.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from ssl_jax.command_line import config_flags, plain_flags, run_command
from ssl_jax.devices import hardware
from ssl_jax.errors import UserError
from ssl_jax.run import speed
from ssl_jax.setup.build import Setup, build
from ssl_jax.setup.random_images import random_images
from ssl_jax.storage import atomic

METHODS = ("simclr", "byol", "moco_v3", "ba_moco", "msbreg", "multi_network")
# The first may cost at most this many steps of the second.
AIMS = {
    ("byol", "simclr"): 1.42,
    ("msbreg", "byol"): 2.10,  # four views
    ("multi_network", "simclr"): 2.40,
    ("ba_moco", "moco_v3"): 1.03,
}
ON_CPU = ("--config.network.width=4", "--config.network.stages=(1,1)")


def main(argv: Sequence[str]) -> None:
    """Flags: --batch=N  --json=FILE"""
    parser = plain_flags.parser("python benchmarks/cost_of_methods.py", __doc__)
    on_cpu = jax.default_backend() == "cpu"
    parser.add_argument("--batch", type=int, default=16 if on_cpu else 256, help="images a step")
    parser.add_argument("--json", type=plain_flags.path, help="where to write the figures, too")
    flags = parser.parse_args(argv[1:])
    if flags.batch < 1:
        raise UserError(f"--batch={flags.batch} must be a number of images, at least 1")
    figures = measure(flags.batch, ON_CPU if on_cpu else ())
    print(report(figures))
    if flags.json:
        atomic.write_json(flags.json, figures)


def measure(batch: int, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Milliseconds and operations of a step by method, and the ratios of AIMS; JSON values."""
    runs = {name: _build(name, batch, overrides) for name in METHODS}
    calls = {name: speed.step_calls(run)["augmented"] for name, run in runs.items()}
    seconds = speed.in_turns(calls)
    flop = {name: speed.work(run) for name, run in runs.items()}
    return {
        "device": hardware.device_name(),
        "jax": jax.__version__,
        "batch": batch,
        "methods": {
            name: {"ms": seconds[name] * 1e3, "GFLOP": flop[name] / 1e9} for name in METHODS
        },
        "ratios": {
            f"{one} / {other}": {
                "measured": seconds[one] / seconds[other],
                "by operations": flop[one] / flop[other],
                "at most": aim,
            }
            for (one, other), aim in AIMS.items()
        },
    }


def _build(name: str, batch: int, overrides: Sequence[str]) -> Setup:
    configs = Path(__file__).resolve().parent.parent / "configs"
    flags = (
        f"--config={os.path.relpath(configs)}/{name}.py:cifar10",
        f"--config.batch_size={batch}",
        "--config.network.stem_padding=1",  # solo-learn's stem makes larger maps
        *overrides,
    )
    config = config_flags.parse(["", *flags]).config
    return build(config, splits=random_images(config, batches=2))


def report(figures: Mapping[str, Any]) -> str:
    """What `measure` found, as two tables."""
    lines = [f"{figures['device']}, jax {figures['jax']}, batch {figures['batch']}", ""]
    lines += [f"{'':26}{'ms a step':>12}{'GFLOP':>12}"]
    for name, row in figures["methods"].items():
        lines.append(f"{name:26}{row['ms']:12.2f}{row['GFLOP']:12.1f}")
    lines += ["", f"{'':26}{'measured':>12}{'operations':>12}{'at most':>12}"]
    for name, row in figures["ratios"].items():
        lines.append(f"{name:26}" + "".join(f"{value:12.3f}" for value in row.values()))
    return "\n".join(lines)


if __name__ == "__main__":
    run_command.run(main)
