"""The end of a run: what it was, written as soon as it is trained, and then its evaluation."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from ssl_jax.data.decodable import decodable_splits
from ssl_jax.data.summary import origins
from ssl_jax.devices import hardware
from ssl_jax.encoder.load import load_encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.final_evaluation import AT_END, compare_encoders
from ssl_jax.evaluation.progress import progress_printer
from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.health.verdict import warnings
from ssl_jax.run.evaluate import NamedImages, evaluate, images_name
from ssl_jax.run.files import read_result
from ssl_jax.run.frozen import frozen_encoder
from ssl_jax.setup.build import Setup
from ssl_jax.storage import atomic
from ssl_jax.storage.integrity import digest
from ssl_jax.training.clock import Clock
from ssl_jax.training.curves import draw_curves
from ssl_jax.training.metrics_log import read_metrics
from ssl_jax.training.step import TrainState

FILE = "result.json"
# Whether raw pixels are evaluated, by `config.evaluation.pixels`; None: where images are small.
PIXELS = {"auto": None, "always": True, "never": False}


def finish(
    setup: Setup,
    train: TrainState,
    clock: Clock,
    about: dict[str, Any],
    saved: dict[str, float],
    workdir: Path,
) -> None:
    """Writes result.json and curves.png, evaluates, completes result.json and prints it.

    What an earlier command evaluated of the same parameters is kept.

    Args:
      setup: of the run.
      train: its last state.
      clock: time spent on it.
      about: further content of result.json, as "config".
      saved: metrics in the checkpoint that this sitting began with; for a run that was finished.
      workdir: folder of the run.

    Raises:
      UserError: if the evaluation fails; result.json then lacks it. Also if a file cannot be
        written, after everything else was done.
    """
    former = read_result(workdir) or {}
    result = {
        **about,
        "steps": int(train.step),
        "seconds": clock.total,
        "images_per_second": clock.images_per_second(setup.plan.batch_size),
        "digest": digest({"params": train.params, "state": train.state}),
        "device": hardware.device_name(),
        "data_fingerprint": setup.data.fingerprint,
        "data": origins(setup.data.splits),
        "skipped_files": [*setup.data.splits.train.skipped, *setup.trainer.unreadable()],
        "warnings": _last_warnings(setup, saved, workdir),
        "evaluation": None,
        "evaluated": [],
    }
    if former.get("digest") == result["digest"]:
        result |= {"evaluation": former["evaluation"], "evaluated": _evaluated(former)}
    first = jax.process_index() == 0
    failed: list[UserError] = []
    if first:
        with _collecting(failed):
            atomic.write_json(workdir / FILE, result)
        with _collecting(failed):
            draw_curves(workdir / "metrics.jsonl", setup.expectation, workdir / "curves.png")
    _evaluate(setup, train, result, workdir, failed)
    if first:
        print(evaluation_table(result["evaluation"]))
        for text in result["warnings"] or ["nothing points to a collapse"]:
            print(f"health: {text}")
        if failed:
            raise UserError("; ".join(dict.fromkeys(map(str, failed))))
        print(f"written: {workdir / FILE}")


@contextlib.contextmanager
def _collecting(failed: list[UserError]) -> Iterator[None]:
    """Puts off what goes wrong, so that the rest is still done."""
    try:
        yield
    except UserError as error:
        failed.append(error)


def is_complete(result: dict[str, Any]) -> bool:
    """Whether the evaluation at the end was done as the configuration of the result says."""
    wanted = result["config"].get("evaluation", {}).get("at_end", ())
    return set(wanted) <= set(_evaluated(result))


def _evaluated(result: dict[str, Any]) -> list[str]:
    """The protocols that were run; earlier versions wrote no result without these."""
    return result.get("evaluated", list(AT_END))


def _evaluate(
    setup: Setup,
    train: TrainState,
    result: dict[str, Any],
    workdir: Path,
    unwritten: list[UserError],
) -> None:
    """Adds to `result`, and to its file after each protocol, what is not evaluated yet.

    unwritten: gets what went wrong when the file was written.

    Raises:
      UserError: if a protocol fails, or the machine has not enough memory for it.
    """
    names = result["config"]["evaluation"]["at_end"]
    missing = [name for name in names if name not in result["evaluated"]]
    if not missing:
        return

    def save(protocol: str, evaluation: dict[str, Any] | None) -> None:
        old = result["evaluation"] or {}
        if evaluation is not None:
            evaluation = {key: old.get(key, {}) | value for key, value in evaluation.items()}
        result["evaluation"] = evaluation
        result["evaluated"] = [*result["evaluated"], protocol]
        if jax.process_index() == 0:
            with _collecting(unwritten):
                atomic.write_json(workdir / FILE, result)

    after = f"the training is complete and in {workdir / FILE}; the same command goes on from there"
    try:
        _compare(setup, train, [name for name in missing if name in AT_END], save, result)
        _others(setup, [name for name in missing if name not in AT_END], workdir, save, result)
    except UserError as error:
        raise UserError(f"the evaluation failed: {error}; {after}", error.problem) from error
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            "the evaluation needs more memory than there is: lower config.evaluation.batch_size, "
            f"or set config.evaluation.dtype=bfloat16 or config.evaluation.at_end=(); {after}"
        ) from error


def _compare(
    setup: Setup, train: TrainState, names: Sequence[str], save: Any, result: dict[str, Any]
) -> None:
    """Trained encoder, untrained encoder and raw pixels under the same protocols."""
    if not names:
        return
    encoder, options = frozen_encoder(setup.model), result["config"]["evaluation"]
    found = compare_encoders(
        {"trained": encoder(train), "untrained": encoder(setup.trainer.init())},
        decodable_splits(setup.data.splits),
        batch_size=setup.plan.encode_batch,
        shardings=setup.shardings,
        dtype=options["dtype"],
        protocols=names,
        with_pixels=PIXELS[options["pixels"]],
        save=save,
        progress=progress_printer(),
    )
    for name in names if found is None else ():
        save(name, None)


def _others(
    setup: Setup, names: Sequence[str], workdir: Path, save: Any, result: dict[str, Any]
) -> None:
    """The other protocols, for the trained encoder; their results go to files of their own."""
    splits, data = setup.data.splits, result["config"]["data"]
    dtype = result["config"]["evaluation"]["dtype"]
    labelled = splits.bank.labels is not None or splits.bank.presence is not None
    encoder = load_encoder(workdir, step=result["steps"]) if names else None
    for name in names:
        if encoder is not None and labelled and splits.test is not None:
            options = {"batch_size": setup.plan.encode_batch, "dtype": dtype}
            evaluate(encoder, NamedImages(splits, images_name(data)), workdir, [name], **options)
        save(name, result["evaluation"])


def _last_warnings(setup: Setup, saved: dict[str, float], workdir: Path) -> list[str]:
    """Warnings at the end of a run, from its last metrics; empty if it is healthy."""
    if jax.process_index() != 0:
        return []
    logged = [row for row in read_metrics(workdir / "metrics.jsonl") if "loss" in row]
    # The file may have been lost since; the checkpoint holds the metrics of its step, too.
    *_, metrics = sorted([saved, *logged], key=lambda row: row.get("step", 0))
    if not metrics:
        return ["not known: metrics.jsonl holds none of the last step"]
    return list(warnings(metrics, setup.expectation, progress=1.0).values())
