"""The figures of one case: every side in turn."""

import statistics
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import jax

from comparison.sides import KINDS, Side, captured, ours, ready_views, theirs
from ssl_jax.run.speed import work as operations
from ssl_jax.setup.build import build
from ssl_jax.setup.random_images import random_images
from ssl_jax.types import Config

SECONDS_A_TURN = 0.5
BATCHES = 4  # of images on the device


def measure(config: Config, *, mode: str | None, rounds: int, peak: float) -> dict[str, Any]:
    """The figures of one case; a side that fails is reported and left out."""
    setup = build(config, splits=random_images(config, batches=BATCHES))
    examples, views = ready_views(setup)
    sides: dict[str, Side] = {}
    failures: dict[str, str] = {}

    def attempt(name: str, make: Callable[[], Side]) -> None:
        try:
            sides[name] = make()
        except Exception as error:
            failures[name] = failed(name, error)

    attempt("ssl_jax", lambda: ours(setup, examples._replace(images=views)))
    attempt("eager", lambda: theirs(config, setup, examples, views, None))
    if mode:
        attempt("compiled", lambda: theirs(config, setup, examples, views, mode))
    if "compiled" in sides and jax.default_backend() == "gpu":
        attempt("captured", lambda: captured(sides["compiled"].step))
    times = in_turns(sides, rounds)
    work, batch = operations(setup), config.batch_size
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
    return {**figures, "failed": failures}


def failed(name: str, error: Exception) -> str:
    """Prints one line, and returns the whole traceback for the JSON."""
    first, *_ = str(error).strip().splitlines() or [""]
    print(f"  {name} failed: {type(error).__name__}: {first[:160]}", flush=True)
    return "".join(traceback.format_exception(error))


def in_turns(sides: Mapping[str, Side], rounds: int) -> dict[tuple[str, str], float]:
    """Seconds per step by side and kind: medians over rounds, in each of which all take a turn."""
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
    """Seconds per call, after one that does not count."""
    wait(call())
    start = time.perf_counter()
    for _ in range(count):
        result = call()
    wait(result)
    return (time.perf_counter() - start) / count
