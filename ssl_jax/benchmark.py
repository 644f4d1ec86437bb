"""python -m ssl_jax.benchmark [--config=FILE[:VARIANT]] [--config.KEY=VALUE] [--json=FILE]

Measures, in one process and on random images: the train step without and with augmentation, the
whole training loop, and what the machine could do. Needs no data set and leaves no run behind.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.command_line import config_flags
from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.setup.build import Run, build
from ssl_jax.setup.components import compute_dtype
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training import flops
from ssl_jax.training.feed import Advance
from ssl_jax.training.loop import Clock, Hooks, fit, images_per_second
from ssl_jax.training.metrics_log import MetricsLog
from ssl_jax.training.preemption import Preemption
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import Examples, TrainState, make_train_step
from ssl_jax.types import Batch, Config

ROUNDS = 5
SECONDS_A_ROUND = 2.0
LOOP_SECONDS = 15.0
EPOCH_STEPS = 20


def main(argv: Sequence[str]) -> None:
    """Flags: --config=FILE[:VARIANT]  --config.KEY=VALUE  --json=FILE"""
    # The CIFAR ResNet-18 at batch 512 would take a CPU half an hour.
    on_cpu = jax.default_backend() == "cpu"
    default = "configs/simclr.py" if on_cpu else "configs/simclr.py:cifar10"
    command = config_flags.parse(argv, default, json="Where to write the figures, too.")
    figures = measure(command.config)
    for name, value in figures.items():
        print(f"{name:36}{value:>16,.4g}" if isinstance(value, float) else f"{name:36}{value:>16}")
    if path := command.extra["json"]:
        atomic.write_json(Path(path), {"config": atomic.as_json(command.config), **figures})


def measure(config: Config) -> dict[str, float | int | str]:
    """All figures, by name with units. Shares and ratios are of times measured in turns."""
    run = build(config, splits=random_images(config, batches=EPOCH_STEPS))
    batch, devices = config.batch_size, jax.device_count()
    dtype, flop = compute_dtype(config), work(run)
    compile_seconds, memory = _compile(run)
    seconds = in_turns(step_calls(run))
    step, augmented = seconds["step"], seconds["augmented"]
    rate, compilations = _loop(run, augmented)
    speed, peak = flop / step, matmul_peak(dtype) * devices
    return {
        "device": atomic.device_name(),
        "dtype": dtype.name,
        "batch": batch,
        "step, ms": step * 1e3,
        "step with augmentation, ms": augmented * 1e3,
        "augmentation alone, ms": seconds["augmentation"] * 1e3,
        "augmentation alone / step": seconds["augmentation"] / step,
        "step with augmentation / step": augmented / step,
        "step, images/s": batch / step,
        "step with augmentation, images/s": batch / augmented,
        "training loop, images/s": rate,
        "loop / step with augmentation": rate * augmented / batch,
        "loop / step": rate * step / batch,
        "compilations of the step": compilations,
        "compile, s": compile_seconds,
        "arguments, MiB": memory.argument_size_in_bytes / 2**20,
        "temporary memory, MiB": memory.temp_size_in_bytes / 2**20,
        "GFLOP an image": flop / batch / 1e9,
        "step, TFLOP/s": speed / 1e12,
        "matrix product peak, TFLOP/s": peak / 1e12,
        "step / peak": speed / peak,
    }


def random_images(config: Config, *, batches: int) -> Splits:
    """A data set of random pixels, so many batches of it, of the size of the views."""
    side = config.data.image_size or config.augment.view0.size
    shape = (batches * config.batch_size, side, side, 1 if config.data.name == "digits" else 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    labels = np.zeros(len(images), np.int32)
    return Splits(Dataset(images, labels, ("",)), None, None)


def _compile(run: Run) -> tuple[float, Any]:
    """Seconds to compile the train step, and its memory."""
    lowered = run.lower()
    start = time.perf_counter()
    compiled = lowered.compile()
    return time.perf_counter() - start, compiled.memory_analysis()


def step_calls(run: Run) -> dict[str, Callable[[], Any]]:
    """The train step on ready views, the one that training runs, and its augmentation alone."""
    inputs = run.source().feed(0, 1)
    images = jax.jit(run.source().read)(run.source().resident, inputs)
    augment = jax.jit(run.augment)
    keys = jax.random.split(jax.random.key(0), len(images.images))
    ready = Examples(augment(keys, images.images), images.indices)  # type: ignore[arg-type]
    advance = Advance(run.step, run.source(), run.shardings)
    return {
        "step": repeatable(run.init(), ready_step(run), ready),
        "augmented": repeatable(run.init(), lambda train, x: advance(train, x, 1), inputs),
        "augmentation": lambda: augment(keys, images.images),
    }


def ready_step(run: Run) -> Callable[..., Any]:
    """The train step, jitted, of examples that hold views in place of images."""
    step = make_train_step(
        method=run.method,
        optimizer=run.optimizer,
        augment=lambda keys, views: views,
        schedule=run.schedule,
    )
    return jax.jit(step, donate_argnums=0)


def repeatable(train: TrainState, step: Callable[..., Any], inputs: Any) -> Callable[[], Any]:
    """A call that makes one more step with the same inputs, and returns its metrics."""

    def call() -> Any:
        nonlocal train
        train, metrics = step(train, inputs)
        return metrics

    return call


def in_turns(calls: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds a call, the median of rounds in which every call has its turn."""
    counts = {}
    for name, call in calls.items():
        jax.block_until_ready(call())
        counts[name] = max(1, round(SECONDS_A_ROUND / _seconds(call, 2)))
    rounds = [
        {name: _seconds(call, counts[name]) for name, call in calls.items()} for _ in range(ROUNDS)
    ]
    return {name: statistics.median(r[name] for r in rounds) for name in calls}


def _seconds(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        result = call()
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / count


def _loop(run: Run, step_seconds: float) -> tuple[float, int]:
    """Examples a second of the training loop with logging, and how often it compiled its step."""
    steps = max(EPOCH_STEPS, round(LOOP_SECONDS / step_seconds))
    plan = run.plan._replace(steps=steps, probe_every=0, save_every=0)
    advance = Advance(run.step, run.source(), run.shardings)
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        Checkpoints(folder) as checkpoints,
        MetricsLog(Path(folder)) as log,
        Preemption() as preemption,
    ):
        fit(
            run.init(),
            plan,
            Hooks(advance, run.source().feed),
            meta={},
            clock=clock,
            checkpoints=checkpoints,
            log=log,
            progress=Progress(steps, 1, quiet=True),
            preemption=preemption,
        )
    return images_per_second(plan, clock), advance.compilations()


def work(run: Run) -> int:
    """Operations of one train step's networks."""
    train = jax.eval_shape(run.init)
    images = jax.eval_shape(
        run.source().read, run.source().resident, run.source().feed(0, 1)
    ).images
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), len(images)))
    views = jax.eval_shape(run.augment, keys, images)

    def loss(params: Any) -> Any:
        state, batch = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (train.state, Batch(views))
        )
        return run.method.loss(params, state, batch, jax.random.key(0), jnp.int32(0))[0]

    return flops.trained(loss, train.params)


def matmul_peak(dtype: Any) -> float:
    """Operations a second of one device in a large product of random matrices; the best of ten."""
    size = 2048 if jax.default_backend() == "cpu" else 8192
    left, right = jax.random.normal(jax.random.key(0), (2, size, size), dtype)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(left, right))
    return 2 * size**3 / min(_seconds(lambda: product(left, right), 1) for _ in range(10))


if __name__ == "__main__":
    config_flags.run(main)
