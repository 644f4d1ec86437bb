"""Where the time of a training step goes, kernel by kernel, and what bounds it.

    python benchmarks/profile_step.py [--config=FILE[:VARIANT]] [--config.KEY=VALUE] [--steps=20]
        [--json=FILE] [--trace=DIR] [--command_buffers=on]

Run it in the root of the repository, with ssl_jax installed or on PYTHONPATH. It trains on random
images of the right size, with augmentation, and needs no data set. Times come from a trace of
--steps steps; bytes and operations are read from the compiled program (see hlo/), so a rate above
the bandwidth of the memory means that a kernel found its operands in a cache.

On a GPU, XLA bundles kernels into CUDA graphs ("command buffers"). A trace then names the graph of
a kernel instead of its instruction, so graphs are switched off here; the step is a little slower
without them, by the gaps between kernels that they would close. With --command_buffers=on they
stay, and kernels are identified by their own names as far as possible.

On CPU, kernels run on several threads at once, so shares of the step may add up to more than one.
"""

import os
import sys

# Must come before the import of jax, because XLA reads it only once.
if __name__ == "__main__" and "--command_buffers=on" not in sys.argv:
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_enable_command_buffer="

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from hlo.kernels import kernels
from hlo.text import module_name
from step_profile.figures import figures
from step_profile.report import report
from step_profile.trace import read_trace, timeline, traced

from ssl_jax.command_line import config_flags, run_command
from ssl_jax.devices import hardware
from ssl_jax.errors import UserError
from ssl_jax.setup import settings
from ssl_jax.setup.build import build
from ssl_jax.setup.components import compute_dtype
from ssl_jax.setup.random_images import random_images
from ssl_jax.storage import atomic
from ssl_jax.types import Config

NO_BUFFERS = "--xla_gpu_enable_command_buffer="
WARM_UP = 3
BATCHES = 4


def main(argv: Sequence[str]) -> None:
    """Flags: --config --config.KEY=VALUE --steps=N --json=FILE --trace=DIR --command_buffers=on"""
    on_cpu = jax.default_backend() == "cpu"
    default = "configs/simclr.py" if on_cpu else "configs/simclr.py:cifar10"
    command = config_flags.parse(
        argv,
        default,
        steps="Steps to trace.",
        json="Where to write the figures, too.",
        trace="Folder that keeps the trace.",
        command_buffers="on: leave CUDA graphs as they are.",
    )
    steps = command.extra["steps"] or "20"
    if not steps.isdecimal() or int(steps) < 1:
        raise UserError(f"--steps={steps} must be a number of steps, at least 1")
    if command.extra["command_buffers"] not in (None, "on", "off"):
        raise UserError("--command_buffers must be on or off")
    # A cached program may carry source paths that are no longer true.
    jax.config.update("jax_enable_compilation_cache", False)
    with tempfile.TemporaryDirectory() as folder:
        result = profile(command.config, int(steps), Path(command.extra["trace"] or folder))
    if path := command.extra["json"]:
        atomic.write_json(Path(path), {"config": settings.as_json(command.config), **result})
    print(report(result))


def profile(config: Config, steps: int, folder: Path) -> dict[str, Any]:
    """Times, bytes and operations of a training step; JSON values. The trace goes to `folder`."""
    trainer = build(config, splits=random_images(config, batches=BATCHES)).trainer
    feed, train = trainer.feed, trainer.init()
    # Run the very program whose text is read: compiled a second time, autotuning may choose
    # kernels with other names.
    program = trainer.lower().compile()

    def call(count: int) -> tuple[float, float]:
        """Seconds per step until all were handed to the device, and until all were done."""
        nonlocal train
        start, metrics = time.perf_counter(), None
        for step in range(count):
            train, metrics = program(train, feed.constants, feed.inputs(step, 1))
        handed = time.perf_counter()
        jax.block_until_ready((train, metrics))
        return (handed - start) / count, (time.perf_counter() - start) / count

    call(WARM_UP)
    handed, wall = call(steps)
    with traced(folder):
        _, while_traced = call(steps)

    text = program.as_text() or ""
    parts = kernels(text)
    events = read_trace(folder, module_name(text), {part.name for part in parts})
    compute = compute_dtype(config).name
    return {
        "device": hardware.device_name(),
        "command buffers": NO_BUFFERS not in os.environ.get("XLA_FLAGS", "").split(),
        "jax": jax.__version__,
        "dtype": compute,
        "batch": config.batch_size,
        "steps": steps,
        "step": {
            "ms": wall * 1e3,
            "ms while traced": while_traced * 1e3,
            "ms until handed over": handed * 1e3,
            **timeline(events, steps),
        },
        # Gradients and momentum are as large as parameters; anything larger is an activation.
        **figures(
            parts,
            events,
            steps=steps,
            activation=1 + max(leaf.size for leaf in jax.tree.leaves(train.params)),
            compute=compute,
        ),
    }


if __name__ == "__main__":
    run_command.run(main)
