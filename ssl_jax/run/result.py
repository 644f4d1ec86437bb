"""The end of a run: evaluation, health, and the files that record them."""

import json
from pathlib import Path
from typing import Any

import jax

from ssl_jax.data.summary import origins
from ssl_jax.devices import hardware
from ssl_jax.evaluation.final_evaluation import compare_encoders
from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.health.verdict import warnings
from ssl_jax.run.frozen import frozen_encoder
from ssl_jax.setup.build import Setup
from ssl_jax.storage import atomic
from ssl_jax.storage.integrity import digest
from ssl_jax.training.clock import Clock
from ssl_jax.training.curves import draw_curves
from ssl_jax.training.step import TrainState


def finish(
    setup: Setup, train: TrainState, clock: Clock, settings: dict[str, Any], workdir: Path
) -> None:
    """Evaluates, writes result.json and curves.png, and prints the result."""
    result = {
        "config": settings,
        "steps": int(train.step),
        "seconds": clock.total,
        "images_per_second": clock.images_per_second(setup.plan.batch_size),
        "digest": digest({"params": train.params, "state": train.state}),
        "device": hardware.device_name(),
        "data_fingerprint": setup.data.fingerprint,
        "data": origins(setup.data.splits),
        "skipped_files": list(setup.data.splits.train.skipped),
        "warnings": _last_warnings(setup, workdir),
        "evaluation": evaluate(setup, train),
    }
    if jax.process_index() != 0:
        return
    draw_curves(workdir / "metrics.jsonl", setup.expectation, workdir / "curves.png")
    atomic.write_json(workdir / "result.json", result)
    print(evaluation_table(result["evaluation"]))
    for text in result["warnings"] or ["nothing points to a collapse"]:
        print(f"health: {text}")
    print(f"written: {workdir / 'result.json'}")


def evaluate(setup: Setup, train: TrainState) -> dict[str, Any] | None:
    """Trained encoder, untrained encoder and raw pixels under one protocol; None without labels."""
    encoder = frozen_encoder(setup.model)
    encoders = {"trained": encoder(train), "untrained": encoder(setup.trainer.init())}
    return compare_encoders(
        encoders,
        setup.data.splits,
        batch_size=setup.plan.encode_batch,
        shardings=setup.shardings,
    )


def _last_warnings(setup: Setup, workdir: Path) -> list[str]:
    """Warnings at the end of a run, from its last metrics; empty if it is healthy."""
    if jax.process_index() != 0:
        return []
    *_, last = (workdir / "metrics.jsonl").read_text().splitlines()
    metrics = {name: float(value) for name, value in json.loads(last).items()}
    return list(warnings(metrics, setup.expectation, progress=1.0).values())
