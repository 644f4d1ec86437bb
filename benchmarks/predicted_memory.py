"""Memory of train steps as the doctor predicts it from shapes, beside that of the compiled program.

    python benchmarks/predicted_memory.py [--json=FILE] [--only=CONFIG,CONFIG]

Run it in the root of the repository. Nothing is trained and no data set is needed: images are
random, computation is in float32, on one device. The overhead that the prediction adds was fitted
to the first six; the others were not looked at.
"""

import time
from collections.abc import Sequence
from typing import Any

import jax

from ssl_jax.command_line import config_flags, plain_flags, run_command
from ssl_jax.devices import hardware
from ssl_jax.setup.build import build
from ssl_jax.setup.needs import needs
from ssl_jax.setup.random_images import random_images
from ssl_jax.storage import atomic

CONFIGS = {
    "simclr": (),
    "simclr:cifar10": (),
    "simclr_vit": (),
    "byol:imagenet": ("--config.batch_size=64",),
    "ba_moco:cifar10": (),
    "msbreg": (),
    "w_mse:cifar10": (),
    "vicreg:cifar10": (),
    "dino": (),
}
MIB = 2.0**20


def main(argv: Sequence[str]) -> None:
    """Flags: --json=FILE  --only=CONFIG,CONFIG"""
    parser = plain_flags.parser("python benchmarks/predicted_memory.py", __doc__)
    parser.add_argument("--json", type=plain_flags.path, help="where to write the figures, too")
    parser.add_argument("--only", default=",".join(CONFIGS), help="some of the configurations")
    flags = parser.parse_args(argv[1:])
    figures: dict[str, Any] = {}
    print(f"{'config':18}{'batch':>6}{'predicted':>11}{'compiled':>10}   MiB", flush=True)
    for name in flags.only.split(","):
        found = figures[name] = measure(name, CONFIGS.get(name, ()))
        ratio = found["predicted"] / found["compiled"] - 1
        print(
            f"{name:18}{found['batch']:6}{found['predicted']:11.0f}{found['compiled']:10.0f}"
            f"{ratio:+9.1%}  {found['seconds']:.1f} s against {found['compile_seconds']:.0f} s",
            flush=True,
        )
        if flags.json:
            about = {"device": hardware.device_name(), "jax": jax.__version__}
            atomic.write_json(flags.json, {"about": about, "configs": figures})


def measure(name: str, changes: Sequence[str]) -> dict[str, Any]:
    """MiB of the train step of a configuration, predicted and compiled, and how long both take."""
    argv = ["", f"--config={name}", "--config.network.dtype=float32", *changes]
    config = config_flags.parse(argv).config
    setup = build(config, random_images(config, batches=1))
    try:
        start = time.perf_counter()
        predicted = needs(setup, config).on_device
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        compiled = hardware.program_memory(setup.trainer.lower().compile())
        compile_seconds = time.perf_counter() - start
    finally:
        setup.trainer.close()
    return {
        "batch": config.batch_size,
        "predicted": predicted / MIB,
        "compiled": compiled / MIB,
        "seconds": seconds,
        "compile_seconds": compile_seconds,
    }


if __name__ == "__main__":
    run_command.run(main)
