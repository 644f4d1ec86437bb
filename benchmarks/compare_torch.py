"""python benchmarks/compare_torch.py [--cases=NAME,NAME] [--json=FILE] [--rounds=5] [--no-compile]

The same training step here and in PyTorch, in turn in one process, on one device and on random
images. A case is called METHOD-NETWORK-BATCH: simclr, byol or moco_v3; resnet18 (CIFAR stem, 32
pixels, the config's cifar10), resnet50 (224 pixels, the config's imagenet) or tiny (a small ResNet,
16 pixels); images in a batch. Needs PyTorch, which the package does not: pip install torch

A step is: gather a batch of uint8 images that lie on the device, make two views of each, the loss,
its gradient, the optimizer, the momentum target. The lines "ready views" leave the first two out.
Both sides read the same config and start from the same parameters, and the losses of their first
step, on the same views, are printed. tests/benchmarks/ shows in float32 that loss, gradients,
updates, targets and batch statistics are the same, and, for the same random numbers, the views.

Made to be fast in PyTorch: channels_last, bfloat16 autocast with float32 parameters, TF32 for
products in float32, cudnn.benchmark, augmentation in batches on the device, fused AdamW or LARS by
_foreach_ operations, zero_grad to None, no waiting for the device within a step. Compiled: network
and loss, augmentation, LARS and target by torch.compile, static shapes; the whole step is also
captured in a CUDA graph, and the faster of the two is "compiled". --mode is given to torch.compile.

Differences: the random streams; ssl_jax also computes what it logs in every step (norm of the
gradient, spread of the embeddings) and takes the products of loss and augmentation in float32
instead of TF32. All three favour PyTorch or hardly matter.

Times are medians over rounds in which every variant takes a turn, after compilation and autotuning.
FLOPs are those of training.flops for both; the peak is the better of both frameworks' product of
random 8192 x 8192 matrices. Memory is the most that PyTorch allocates within a step, and for
ssl_jax the need of the compiled step, both with the images. JSON is written after every case.
"""

import gc
import importlib.util
import os
from collections.abc import Sequence
from typing import Any

# JAX would take three quarters of the device's memory at once and leave too little to PyTorch.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
from comparison.cases import ON_CPU, ON_GPU, config_of
from comparison.measurement import failed, measure
from comparison.table import LEGEND, lines

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.devices import hardware
from ssl_jax.errors import UserError
from ssl_jax.run import speed
from ssl_jax.setup.components import compute_dtype
from ssl_jax.storage import atomic


def main(argv: Sequence[str]) -> None:
    on_cpu = jax.default_backend() == "cpu"
    parser = plain_flags.parser("python benchmarks/compare_torch.py", __doc__)
    parser.add_argument("--cases", default=",".join(ON_CPU if on_cpu else ON_GPU))
    parser.add_argument("--json", type=plain_flags.path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    modes = ("default", "max-autotune-no-cudagraphs")  # the whole step becomes a CUDA graph here
    parser.add_argument("--mode", default=modes[0], choices=modes, help="of torch.compile")
    arguments = parser.parse_args(argv[1:])
    configs = {name: config_of(name) for name in arguments.cases.split(",")}
    check_devices()
    import torch
    from torch_side.matmul_peak import matmul_peak

    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    mode = None if arguments.no_compile else arguments.mode
    dtype = compute_dtype(next(iter(configs.values())))
    peaks = {"jax": speed.matmul_peak(dtype), "torch": matmul_peak(dtype.name)}
    peak = max(peaks.values())
    table: dict[str, Any] = {
        "device": hardware.device_name(),
        "versions": {"jax": jax.__version__, "torch": torch.__version__},
        "dtype": dtype.name,
        "matrix products, TFLOP/s": {name: rate / 1e12 for name, rate in peaks.items()},
        "torch.compile": mode,
        "rounds": arguments.rounds,
        "cases": {},
    }
    print(f"{table['device']}, {dtype.name}, matrix products at {peak / 1e12:.3g} TFLOP/s")
    print(LEGEND, flush=True)
    for name, config in configs.items():
        try:
            row = measure(config, mode=mode, rounds=arguments.rounds, peak=peak)
        except Exception as error:
            row = {"failed": {"case": failed(name, error)}}
        table["cases"][name] = row
        for line in lines(name, row):
            print(line, flush=True)
        if arguments.json:
            atomic.write_json(arguments.json, table)
        gc.collect()
        torch.cuda.empty_cache()
        torch.compiler.reset()


def check_devices() -> None:
    """Raises UserError unless PyTorch is installed and runs on the one device that JAX uses."""
    if importlib.util.find_spec("torch") is None:
        raise UserError("the comparison needs PyTorch, which ssl_jax does not: pip install torch")
    import torch

    backend, cuda = jax.default_backend(), torch.cuda.is_available()
    if backend not in ("cpu", "gpu") or (backend == "gpu") != cuda:
        raise UserError(f"JAX runs on {backend}, PyTorch on {'cuda' if cuda else 'cpu'}")
    if backend == "gpu" and jax.device_count() > 1:
        raise UserError("the comparison is of one device: set CUDA_VISIBLE_DEVICES=0")


if __name__ == "__main__":
    run_command.run(main)
