"""Speed of a train step and of the training loop, and what the machine could do."""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from ssl_jax.devices import hardware
from ssl_jax.devices.hardware import matmul_peak
from ssl_jax.setup.build import Model, Setup, build
from ssl_jax.setup.components import compute_dtype
from ssl_jax.setup.needs import operations as work
from ssl_jax.setup.random_images import random_images
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.clock import Clock
from ssl_jax.training.compiled_step import CompiledStep
from ssl_jax.training.loop import Callbacks, train_loop
from ssl_jax.training.metrics_log import MetricsLog
from ssl_jax.training.preemption import Preemption
from ssl_jax.training.progress import Progress
from ssl_jax.training.step import Examples, TrainState, make_train_step
from ssl_jax.types import Config

ROUNDS = 5
SECONDS_A_ROUND = 2.0
LOOP_SECONDS = 15.0
EPOCH_STEPS = 20


def measure(config: Config) -> dict[str, float | int | str]:
    """All figures, by name with units. Shares and ratios are of times measured in turns."""
    setup = build(config, splits=random_images(config, batches=EPOCH_STEPS))
    batch, devices = config.batch_size, jax.device_count()
    dtype, flop = compute_dtype(config), work(setup)
    compile_seconds, memory = _compile(setup)
    seconds = in_turns(step_calls(setup))
    step, augmented = seconds["step"], seconds["augmented"]
    rate, compilations = _loop(setup, augmented)
    speed, peak = flop / step, matmul_peak(dtype) * devices
    return {
        "device": hardware.device_name(),
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


def _compile(setup: Setup) -> tuple[float, Any]:
    """Seconds to compile the train step, and its memory."""
    lowered = setup.trainer.lower()
    start = time.perf_counter()
    compiled = lowered.compile()
    return time.perf_counter() - start, compiled.memory_analysis()


def step_calls(setup: Setup) -> dict[str, Callable[[], Any]]:
    """The train step on ready views, the one that training runs, and its augmentation alone."""
    feed = setup.trainer.feed
    inputs = feed.inputs(0, 1)
    images = jax.jit(feed.gather)(feed.constants, inputs)
    augment = jax.jit(setup.model.augment)
    keys = jax.random.split(jax.random.key(0), len(images.images))
    ready = Examples(augment(keys, images.images), images.indices)  # type: ignore[arg-type]
    advance = setup.trainer.advance
    return {
        "step": repeatable(setup.trainer.init(), ready_step(setup.model), ready),
        "augmented": repeatable(
            setup.trainer.init(), lambda train, x: advance(train, x, 1), inputs
        ),
        "augmentation": lambda: augment(keys, images.images),
    }


def ready_step(model: Model) -> Callable[..., Any]:
    """The train step, jitted, of examples that hold views in place of images."""
    step = make_train_step(
        method=model.method,
        optimizer=model.optimizer,
        augment=lambda keys, views: views,
        schedule=model.schedule,
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


def _loop(setup: Setup, step_seconds: float) -> tuple[float, int]:
    """Examples a second of the training loop with logging, and how often it compiled its step."""
    steps = max(EPOCH_STEPS, round(LOOP_SECONDS / step_seconds))
    plan = setup.plan._replace(steps=steps, probe_every=0, save_every=0)
    compiled = CompiledStep(setup.trainer.step, setup.trainer.feed, setup.shardings)
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        Checkpoints(folder) as checkpoints,
        MetricsLog(Path(folder)) as log,
        Preemption() as preemption,
    ):
        train_loop(
            setup.trainer.init(),
            plan,
            Callbacks(compiled, setup.trainer.feed.inputs),
            meta={},
            clock=clock,
            checkpoints=checkpoints,
            log=log,
            progress=Progress(steps, 1, quiet=True),
            preemption=preemption,
        )
    return clock.images_per_second(plan.batch_size), compiled.compilations()
