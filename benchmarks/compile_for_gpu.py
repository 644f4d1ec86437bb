"""The training step as an NVIDIA H200 would run it, compiled on a machine that has none.

    pip install jax-cuda13-plugin==VERSION jax-cuda13-pjrt==VERSION nvidia-cuda-nvcc
    JAX_PLATFORMS=cpu python benchmarks/compile_for_gpu.py [--config=FILE[:VARIANT]]
        [--config.KEY=VALUE] [--json=FILE] [--hlo=FILE]

VERSION is that of the installed jax. Run it in the root of the repository; it takes minutes. From
the optimized program it counts kernels, bytes and operations by category (see hlo/), and the
least time that they allow: for every kernel the larger of its operations over the rate of matrix
products and its bytes over the bandwidth of memory, both as measured on an H200. **Nothing is
measured here**: a real step takes longer, and what a change does to these counts is a prediction.
XLA tunes nothing without a device, so the choice between libraries' kernels is not the final one.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Must come before the import of jax, because XLA reads it only once. Autotuning needs the device.
if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_autotune_level=0"

import jax
from hlo.categories import CATEGORIES, category
from hlo.findings import findings
from hlo.kernels import Kernel, kernels
from jax.experimental import topologies

from ssl_jax.command_line import config_flags, run_command
from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.setup import settings
from ssl_jax.setup.build import build
from ssl_jax.setup.random_images import random_images
from ssl_jax.storage import atomic
from ssl_jax.training.compiled_step import CompiledStep
from ssl_jax.types import Config

MATRIX_RATE = 790e12  # bfloat16 products of 8192 x 8192, random data, FLOP/s
BANDWIDTH = 4.3e12  # copies in device memory, bytes read and written a second
SMALL = 5e-6  # seconds; a kernel with less to do is bound by its launch
H200 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32
  shared_memory_per_block: 49152  shared_memory_per_core: 233472
  shared_memory_per_block_optin: 232448
  threads_per_core_limit: 2048  core_count: 132  fpus_per_core: 128
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 4800000000000  l2_cache_size: 62914560  clock_rate_ghz: 1.98
  device_memory_size: 150754820096
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  cuda_compute_capability { major: 9 minor: 0 }
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 12 }
runtime_version { major: 13 minor: 0 patch: 0 }
device_description_str: "NVIDIA H200"
"""


def main(argv: Sequence[str]) -> None:
    """Flags: --config=FILE[:VARIANT]  --config.KEY=VALUE  --json=FILE  --hlo=FILE"""
    command = config_flags.parse(
        argv,
        "configs/simclr.py:cifar10",
        json="Where to write the figures, too.",
        hlo="Where to write the program, too.",
    )
    config = command.config
    if config.network.dtype == "auto":  # what it means on a GPU
        config.network.dtype = "bfloat16"
    compiled, largest = compile_step(config)
    text = compiled.as_text() or ""
    if path := command.extra["hlo"]:
        Path(path).write_text(text)
    memory = compiled.memory_analysis()
    figures = {
        **count(kernels(text), activation=largest + 1, compute=config.network.dtype),
        "arguments, MiB": memory.argument_size_in_bytes / 2**20,
        "temporary memory, MiB": memory.temp_size_in_bytes / 2**20,
    }
    print(report(figures))
    if path := command.extra["json"]:
        about = {"jax": jax.__version__, "config": settings.as_json(config)}
        atomic.write_json(Path(path), {**about, **figures})


def compile_step(config: Config) -> tuple[jax.stages.Compiled, int]:
    """The step with its augmentation, for one H200; the elements of the largest parameter.

    Raises:
      UserError: where jax's plugin for CUDA is not installed.
    """
    try:
        gpu = topologies.get_topology_desc(platform="cuda", target_config=H200, topology="1x1x1")
    except (NotImplementedError, RuntimeError) as error:
        raise UserError(
            f"no compiler for CUDA ({str(error).splitlines()[0]}): pip install "
            f"jax-cuda13-plugin=={jax.__version__} jax-cuda13-pjrt=={jax.__version__} "
            "nvidia-cuda-nvcc, and set JAX_PLATFORMS=cpu"
        ) from None
    trainer = build(config, splits=random_images(config, batches=1)).trainer
    shardings = sharding.make(config.batch_size, list(gpu.devices))

    def there(tree: Any, place: Any) -> Any:
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), tree
        )

    feed, train = trainer.feed, there(trainer.shapes(), shardings.replicated)
    feed = feed._replace(constants=there(feed.constants, shardings.replicated))
    step = CompiledStep(trainer.step, feed, shardings)
    compiled = step.lower(train, there(feed.inputs(0, 1), shardings.batch)).compile()
    return compiled, max(leaf.size for leaf in jax.tree.leaves(train.params))


def count(parts: Sequence[Kernel], *, activation: int, compute: str) -> dict[str, Any]:
    """Kernels, bytes, operations and least time, by category and together; JSON values.

    activation, compute: see `hlo.findings.findings`.
    """
    found = findings(parts, activation=activation, compute=compute)
    seconds: dict[str, float] = defaultdict(float)
    small: dict[str, int] = defaultdict(int)
    for kernel in parts:
        least = max(kernel.flop / MATRIX_RATE, kernel.bytes / BANDWIDTH)
        seconds[category(kernel)] += kernel.count * least
        small[category(kernel)] += kernel.count * (least < SMALL)
    rows = {
        name: {
            "kernels": found.kernels[name],
            "small kernels": small[name],
            "GB": found.bytes[name] / 1e9,
            "GFLOP": found.flop[name] / 1e9,
            "least ms": seconds[name] * 1e3,
        }
        for name in CATEGORIES
        if name in found.kernels
    }
    together = {key: sum(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    return {
        "categories": {**rows, "together": together},
        "activations written as float32, GB": sum(k.written for k in found.float32) / 1e9,
        "activations transposed or copied, GB": sum(k.written for k in found.layout) / 1e9,
    }


def report(figures: Mapping[str, Any]) -> str:
    """What `count` found, as a table."""
    rows = figures["categories"]
    columns = list(rows["together"])
    lines = [f"{'':28}" + "".join(f"{name:>15}" for name in columns)]
    for name, row in rows.items():
        cells = (
            f"{row[c]:15,.3f}" if isinstance(row[c], float) else f"{row[c]:15,}" for c in columns
        )
        lines.append(f"{name:28}" + "".join(cells))
    lines += [f"{k}: {v:,.3f}" for k, v in figures.items() if isinstance(v, float)]
    return "\n".join(lines)


if __name__ == "__main__":
    run_command.run(main)
