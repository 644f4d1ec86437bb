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

Made to be fast in PyTorch: channels_last, bfloat16 autocast with float32 parameters, TF32 for what
is float32, cudnn.benchmark, augmentation in batches on the device, fused AdamW or LARS by _foreach_
operations, zero_grad to None, no waiting for the device within a step. Compiled: network and loss,
augmentation, LARS and target by torch.compile, static shapes; the whole step is also captured in a
CUDA graph, and the faster of the two is "compiled". --mode is given to torch.compile.

What differs: the random streams; ssl_jax also computes what it logs in every step (norm of the
gradient, spread of the embeddings) and takes the products of loss and augmentation in float32
instead of TF32. All three are in PyTorch's favour or of no weight.

Times are medians of rounds in which every variant has its turn, after compilation and autotuning.
FLOPs are those of training.flops for both; the peak is the better of both frameworks' product of
random 8192 x 8192 matrices. Memory: of PyTorch what is allocated at most within a step, of ssl_jax
what the compiled step needs, both with the images. JSON is written after every case.
"""

import gc
import importlib.util
import os
import statistics
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

# JAX would take three quarters of the device's memory at once and leave too little to PyTorch.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np

from ssl_jax import benchmark
from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from ssl_jax.setup.build import Run, build
from ssl_jax.setup.components import compute_dtype
from ssl_jax.storage import atomic
from ssl_jax.training.step import Examples
from ssl_jax.types import Config

ROOT = Path(__file__).resolve().parent.parent
SECONDS_A_TURN = 0.5
BATCHES = 4  # of images on the device

METHODS = ("simclr", "byol", "moco_v3")
# The config's variant and what is changed in it.
NETWORKS = {
    "resnet18": ("cifar10",),
    "resnet50": ("imagenet", "--config.network.name=resnet50"),
    "tiny": ("cifar10", "--config.network.width=8", "--config.data.image_size=16"),
}
# By importance, because device time may end before the list does.
ON_GPU = (
    "simclr-resnet18-512",
    "byol-resnet50-128",
    "simclr-resnet18-256",
    "byol-resnet18-512",
    "moco_v3-resnet18-512",
    "simclr-resnet50-128",
    "byol-resnet18-256",
    "moco_v3-resnet18-256",
    "moco_v3-resnet50-128",
)
ON_CPU = ("simclr-tiny-16", "byol-tiny-16", "moco_v3-tiny-16")

KINDS = AUGMENTED, READY = "with augmentation", "ready views"


class Side(NamedTuple):
    """One way to run the step of a case.

    calls: one step, by kind. wait: until what a call returned is there. loss: of the first step on
    ready views. memory: bytes of the step with augmentation. step: PyTorch's, not captured.
    """

    calls: dict[str, Callable[[], Any]]
    wait: Callable[[Any], Any]
    loss: float | None = None
    memory: int | None = None
    step: Any = None


def main(argv: Sequence[str]) -> None:
    on_cpu = jax.default_backend() == "cpu"
    parser = config_flags.parser("python benchmarks/compare_torch.py", __doc__)
    parser.add_argument("--cases", default=",".join(ON_CPU if on_cpu else ON_GPU))
    parser.add_argument("--json", type=config_flags.path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    modes = ("default", "max-autotune-no-cudagraphs")  # the whole step becomes a CUDA graph here
    parser.add_argument("--mode", default=modes[0], choices=modes, help="of torch.compile")
    arguments = parser.parse_args(argv[1:])
    configs = {name: config_of(name) for name in arguments.cases.split(",")}
    check_devices()
    import torch
    import torch_step

    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    mode = None if arguments.no_compile else arguments.mode
    dtype = compute_dtype(next(iter(configs.values())))
    peaks = {"jax": benchmark.matmul_peak(dtype), "torch": torch_step.matmul_peak(dtype.name)}
    peak = max(peaks.values())
    table: dict[str, Any] = {
        "device": atomic.device_name(),
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
            row = {"failed": {"case": report(name, error)}}
        table["cases"][name] = row
        for line in lines(name, row):
            print(line, flush=True)
        if arguments.json:
            atomic.write_json(arguments.json, table)
        gc.collect()
        torch.cuda.empty_cache()
        torch.compiler.reset()


def config_of(name: str) -> Config:
    """The config of the case METHOD-NETWORK-BATCH."""
    method, network, batch = name.split("-") if name.count("-") == 2 else ("", "", "")
    if method not in METHODS or network not in NETWORKS or not batch.isdecimal():
        raise UserError(
            f"there is no case {name!r}: METHOD-NETWORK-BATCH of {', '.join(METHODS)} and "
            f"{', '.join(NETWORKS)}, as simclr-resnet18-512"
        )
    variant, *changes = NETWORKS[network]
    file = ROOT / "configs" / f"{method}.py"
    flags = [f"--config={file}:{variant}", f"--config.batch_size={batch}", *changes]
    config = config_flags.parse(["", *flags]).config
    config.probe_every_epochs = 0
    if network == "tiny":
        config.network.stages = (1, 1, 1, 1)
        for view in config.augment.values():
            view.size = config.data.image_size
    return config


def check_devices() -> None:
    """Raises UserError unless PyTorch is there, on the one device that JAX is on."""
    if importlib.util.find_spec("torch") is None:
        raise UserError("the comparison needs PyTorch, which ssl_jax does not: pip install torch")
    import torch

    backend, cuda = jax.default_backend(), torch.cuda.is_available()
    if backend not in ("cpu", "gpu") or (backend == "gpu") != cuda:
        raise UserError(f"JAX runs on {backend}, PyTorch on {'cuda' if cuda else 'cpu'}")
    if backend == "gpu" and jax.device_count() > 1:
        raise UserError("the comparison is of one device: set CUDA_VISIBLE_DEVICES=0")


def measure(config: Config, *, mode: str | None, rounds: int, peak: float) -> dict[str, Any]:
    """The figures of one case; a way to run it that fails is reported and left out."""
    run = build(config, splits=benchmark.random_images(config, batches=BATCHES))
    examples, views = ready_views(run)
    sides: dict[str, Side] = {}
    failed: dict[str, str] = {}

    def attempt(name: str, make: Callable[[], Side]) -> None:
        try:
            sides[name] = make()
        except Exception as error:
            failed[name] = report(name, error)

    attempt("ssl_jax", lambda: ours(run, examples._replace(images=views)))
    attempt("eager", lambda: theirs(config, run, examples, views, None))
    if mode:
        attempt("compiled", lambda: theirs(config, run, examples, views, mode))
    if "compiled" in sides and jax.default_backend() == "gpu":
        attempt("captured", lambda: captured(sides["compiled"].step))
    times = in_turns(sides, rounds)
    work, batch = benchmark.work(run), config.batch_size
    figures = {"batch": batch, "views": len(views), "GFLOP an image": work / batch / 1e9}
    if stats := jax.local_devices()[0].memory_stats():
        figures["JAX's largest use so far, MiB"] = stats["peak_bytes_in_use"] / 2**20
    for name, side in sides.items():
        figures[name] = {
            "first loss": side.loss,
            "memory, MiB": side.memory and side.memory / 2**20,
        }
        for kind in KINDS:
            duration = times[name, kind]
            figures[name][kind] = {
                "ms": duration * 1e3,
                "images/s": batch / duration,
                "views/s": batch * len(views) / duration,
                "share of peak": work / duration / peak,
            }
    return {**figures, "failed": failed}


def ready_views(run: Run) -> tuple[Examples, tuple[jax.Array, ...]]:
    """The first batch of images, and its views."""
    source = run.source()
    examples = jax.jit(source.read)(source.resident, source.feed(0, 1))
    keys = jax.random.split(jax.random.key(0), len(examples.images))
    return examples, jax.jit(run.augment)(keys, examples.images)


def ours(run: Run, ready: Examples) -> Side:
    """ssl_jax: the step as training runs it; `ready` holds views in place of images."""
    source = run.source()
    resident, indices = source.resident, source.feed(0, 1)
    program = run.lower().compile()
    calls = {
        AUGMENTED: benchmark.repeatable(
            run.init(), lambda train, rows: program(train, resident, rows), indices
        ),
        READY: benchmark.repeatable(run.init(), benchmark.ready_step(run), ready),
    }
    memory = program.memory_analysis()
    needed = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
    )
    return Side(calls, jax.block_until_ready, float(calls[READY]()["loss"]), needed)


def theirs(config: Config, run: Run, examples: Examples, views: Any, mode: str | None) -> Side:
    """PyTorch, eager or compiled by `mode` of torch.compile."""
    import torch
    import torch_step

    on_cuda = torch.cuda.is_available()
    before = torch.cuda.memory_allocated() if on_cuda else 0
    start = run.init()
    step = torch_step.Step(
        config,
        run,
        jax.device_get((start.params, start.state)),
        mode=mode,
        images=run.splits.train.images,
        indices=np.asarray(examples.indices),
        views=jax.device_get(views),
    )
    calls = {AUGMENTED: partial(step, step.augmented), READY: partial(step, step.ready)}
    loss = calls[READY]().item()
    calls[AUGMENTED]()
    if not on_cuda:
        return Side(calls, lambda result: result, loss, None, step)
    # Compilation and the choice of algorithms have had their memory; ready views are not needed.
    torch.cuda.reset_peak_memory_stats()
    calls[AUGMENTED]()
    memory = torch.cuda.max_memory_allocated() - before - sum(v.nbytes for v in step.views)
    return Side(calls, lambda _: torch.cuda.synchronize(), loss, memory, step)


def captured(step: Any) -> Side:
    """The compiled step of PyTorch in a CUDA graph."""
    import torch
    import torch_step

    works = {AUGMENTED: step.augmented, READY: step.ready}
    calls = {kind: partial(step, torch_step.captured(work)) for kind, work in works.items()}
    return Side(calls, lambda _: torch.cuda.synchronize())


def in_turns(sides: Mapping[str, Side], rounds: int) -> dict[tuple[str, str], float]:
    """Seconds a step by side and kind: medians of rounds in which every one has its turn."""
    calls = {
        (name, kind): (side.calls[kind], side.wait)
        for name, side in sides.items()
        for kind in KINDS
    }
    counts = {key: max(1, round(SECONDS_A_TURN / seconds(*call, 2))) for key, call in calls.items()}
    turns = [
        {key: seconds(*call, counts[key]) for key, call in calls.items()} for _ in range(rounds)
    ]
    return {key: statistics.median(turn[key] for turn in turns) for key in calls}


def seconds(call: Callable[[], Any], wait: Callable[[Any], Any], count: int) -> float:
    """Seconds a call, after one that does not count."""
    wait(call())
    start = time.perf_counter()
    for _ in range(count):
        result = call()
    wait(result)
    return (time.perf_counter() - start) / count


def report(name: str, error: Exception) -> str:
    """One line now; the whole traceback for the JSON."""
    first, *_ = str(error).strip().splitlines() or [""]
    print(f"  {name} failed: {type(error).__name__}: {first[:160]}", flush=True)
    return "".join(traceback.format_exception(error))


LEGEND = "three figures: ssl_jax, PyTorch eager, PyTorch compiled; two: ssl_jax / either of these"


def lines(name: str, row: Mapping[str, Any]) -> list[str]:
    """A line for each kind of step."""
    compiled = [side for side in ("compiled", "captured") if side in row]
    fastest = min(compiled, key=lambda side: row[side][AUGMENTED]["ms"], default="compiled")
    memory = [row.get(side, {}).get("memory, MiB") for side in ("ssl_jax", "eager", "compiled")]
    text = []
    for kind in KINDS:
        of = [row.get(side, {}).get(kind, {}) for side in ("ssl_jax", "eager", fastest)]
        ours, *others = rates = [figures.get("images/s") for figures in of]
        ratios = [ours and other and ours / other for other in others]
        shares = [figures.get("share of peak") for figures in of]
        text.append(
            f"{name:22} {kind:18} images/s {_show(rates, '9,.0f')}  ratios {_show(ratios, '5.2f')}"
            f"  of peak {_show(shares, '5.3f')}"
        )
    gib = [value and value / 1024 for value in memory]
    text[0] += f"  GiB {_show(gib, '5.1f')}"
    losses = [row.get(side, {}).get("first loss") for side in ("ssl_jax", "eager", "compiled")]
    text[1] += f"  first loss {_show(losses, '6.4f')}"
    return text


def _show(values: Sequence[float | None], form: str) -> str:
    width = int(form.split(".")[0].rstrip(","))
    return " ".join("-".rjust(width) if v is None else format(v, form) for v in values)


if __name__ == "__main__":
    config_flags.run(main)
