"""What a page shows of a run, from its folder."""

import platform
from importlib.metadata import version
from pathlib import Path

from ml_collections import ConfigDict

from ssl_jax.devices import hardware
from ssl_jax.errors import UserError
from ssl_jax.health.verdict import EARLY, warnings
from ssl_jax.page import gallery
from ssl_jax.page.exhibits import Exhibit
from ssl_jax.page.workdir import Record
from ssl_jax.run.resume import restore
from ssl_jax.setup.build import Setup, build
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.step import TrainState

PACKAGES = ("ssl_jax", "jax", "flax", "optax", "numpy", "scikit-learn")


def exhibit(workdir: Path, read: Record) -> Exhibit:
    """Everything that can be shown of a run; its notes name what cannot."""
    judged = (read.result or {}).get("warnings")
    shown = Exhibit(read, warnings=None if judged is None else tuple(judged))
    try:
        setup = build(ConfigDict(read.config))
    except UserError as error:
        return _noted(shown, f"images and features, as the run cannot be built here: {error}")
    shown = _expected(shown, setup)
    try:
        train = _trained(setup, workdir)
    except UserError as error:
        shown, train = _noted(shown, f"features: {error}"), None
    shown = shown._replace(columns=gallery.views(setup, read.config, train))
    if train is None:
        return shown
    print(f"{read.name}: features and map of step {int(train.step)} ...", flush=True)
    return shown._replace(look=gallery.look(setup, train))


def _expected(shown: Exhibit, setup: Setup) -> Exhibit:
    """With what is known of the run before any of its checkpoints."""
    parts = {
        "fit": setup.data.splits.bank,
        "holdout": setup.data.splits.holdout,
        "test": setup.data.splits.test,
    }
    sizes = {name: len(part.images) for name, part in parts.items() if part is not None}
    shown = shown._replace(expectation=setup.expectation, steps=setup.plan.steps, splits=sizes)
    last = shown.record.metrics[-1] if shown.record.metrics else {}
    progress = last.get("step", 0.0) / setup.plan.steps
    if shown.warnings is not None or "loss" not in last or progress < EARLY:
        return shown
    found = warnings(last, setup.expectation, progress=progress)
    return shown._replace(warnings=tuple(found.values()))


def _noted(shown: Exhibit, note: str) -> Exhibit:
    print(f"{shown.record.name}: the page does not show {note}")
    return shown._replace(notes=(*shown.notes, note))


def _trained(setup: Setup, workdir: Path) -> TrainState:
    """The latest intact checkpoint."""
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        if not checkpoints.steps():
            raise UserError("there is no checkpoint yet")
        train, _ = restore(setup, checkpoints)
        return train


def versions() -> dict[str, str]:
    """The versions of everything that made a page, and the device."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "device": hardware.device_name(),
        "system": f"{platform.system()} {platform.machine()}",
    }
