"""Collects what the page shows of a run, from its folder."""

import platform
from importlib.metadata import version
from pathlib import Path

from ml_collections import ConfigDict

from ssl_jax.devices import hardware
from ssl_jax.errors import UserError
from ssl_jax.health.verdict import EARLY, warnings
from ssl_jax.page.run_features import feature_view
from ssl_jax.page.run_files import RunFiles
from ssl_jax.page.run_images import image_columns
from ssl_jax.page.run_view import RunView
from ssl_jax.run.resume import restore
from ssl_jax.setup.build import Setup, build
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.step import TrainState

PACKAGES = ("ssl_jax", "jax", "flax", "optax", "numpy", "scikit-learn")


def collect_run(workdir: Path, files: RunFiles) -> RunView:
    """Everything that can be shown of a run; its notes name what cannot.

    Args:
      workdir: folder of the run.
      files: what was read from that folder.
    """
    recorded = (files.result or {}).get("warnings")
    view = RunView(files, warnings=None if recorded is None else tuple(recorded))
    try:
        setup = build(ConfigDict(files.config))
    except UserError as error:
        return _with_note(view, f"images and features: the run cannot be built here: {error}")
    view = _with_expectation(view, setup)
    try:
        train = _latest_state(setup, workdir)
    except UserError as error:
        view, train = _with_note(view, f"features: {error}"), None
    view = view._replace(image_columns=image_columns(setup, files.config, train))
    if train is None:
        return view
    print(f"{files.name}: features and map of step {int(train.step)} ...", flush=True)
    return view._replace(features=feature_view(setup, train))


def _with_expectation(view: RunView, setup: Setup) -> RunView:
    """Adds everything that is known without a checkpoint."""
    splits = {
        "fit": setup.data.splits.bank,
        "holdout": setup.data.splits.holdout,
        "test": setup.data.splits.test,
    }
    view = view._replace(
        expectation=setup.expectation,
        planned_steps=setup.plan.steps,
        split_sizes={name: len(part.images) for name, part in splits.items() if part is not None},
    )
    last = view.files.metrics[-1] if view.files.metrics else {}
    progress = last.get("step", 0.0) / setup.plan.steps
    if view.warnings is not None or "loss" not in last or progress < EARLY:
        return view
    current = warnings(last, setup.expectation, progress=progress)
    return view._replace(warnings=tuple(current.values()))


def _with_note(view: RunView, note: str) -> RunView:
    print(f"{view.files.name}: the page omits {note}")
    return view._replace(notes=(*view.notes, note))


def _latest_state(setup: Setup, workdir: Path) -> TrainState:
    """The train state of the latest intact checkpoint."""
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        if not checkpoints.steps():
            raise UserError("there is no checkpoint yet")
        return restore(setup, checkpoints).train


def versions() -> dict[str, str]:
    """Versions of the software that makes the page, and the device it is made on."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "device": hardware.device_name(),
        "system": f"{platform.system()} {platform.machine()}",
    }
