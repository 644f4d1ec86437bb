"""python -m ssl_jax.report --workdir=DIR [--workdir=DIR ...] --output=FILE.html

One page on a run, or on several beside each other, that opens anywhere without a network.
"""

import contextlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ml_collections import ConfigDict

from ssl_jax.command_line import config_flags
from ssl_jax.command_line.config_flags import path
from ssl_jax.errors import UserError
from ssl_jax.health.verdict import EARLY
from ssl_jax.page import gallery
from ssl_jax.page.exhibits import Exhibit
from ssl_jax.page.render import render
from ssl_jax.page.workdir import Record, names, read_run
from ssl_jax.run.pretrain import restore
from ssl_jax.setup.build import Run, build
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.training.step import TrainState

PACKAGES = ("ssl_jax", "jax", "flax", "optax", "numpy", "scikit-learn")


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR [--workdir=DIR ...]  --output=FILE.html"""
    parser = config_flags.parser("python -m ssl_jax.report", __doc__)
    parser.add_argument("--workdir", type=path, required=True, action="append", help="of a run")
    parser.add_argument("--output", type=path, default=Path("report.html"), help="the page")
    args = parser.parse_args(list(argv[1:]))
    _check_output(args.output)
    # All folders before the first of them is worked on: a typo is said at once.
    records = [
        read_run(workdir, name)
        for workdir, name in zip(args.workdir, names(args.workdir), strict=True)
    ]
    runs = [exhibit(workdir, read) for workdir, read in zip(args.workdir, records, strict=True)]
    _write(args.output, render(runs, _versions()))
    print(f"written: {args.output}")


def exhibit(workdir: Path, read: Record) -> Exhibit:
    """Everything that can be shown of a run; what cannot is said in its notes."""
    judged = (read.result or {}).get("warnings")
    shown = Exhibit(read, warnings=None if judged is None else tuple(judged))
    try:
        run = build(ConfigDict(read.config))
    except UserError as error:
        return _noted(shown, f"images and features, as the run cannot be built here: {error}")
    except (AttributeError, KeyError) as error:
        reason = f"its configuration, of another version of ssl_jax, lacks {error}"
        return _noted(shown, f"images and features: {reason}")
    shown = _expected(shown, run)
    try:
        train = _trained(run, workdir)
    except UserError as error:
        shown, train = _noted(shown, f"features: {error}"), None
    shown = shown._replace(columns=gallery.views(run, read.config, train))
    if train is None:
        return shown
    print(f"{read.name}: features and map of step {int(train.step)} ...", flush=True)
    return shown._replace(look=gallery.look(run, train))


def _expected(shown: Exhibit, run: Run) -> Exhibit:
    """With what is known of the run before any of its checkpoints."""
    parts = {"fit": run.splits.bank, "holdout": run.splits.holdout, "test": run.splits.test}
    sizes = {name: len(part.images) for name, part in parts.items() if part is not None}
    shown = shown._replace(expectation=run.expectation, steps=run.plan.steps, splits=sizes)
    last = shown.record.metrics[-1] if shown.record.metrics else {}
    progress = last.get("step", 0.0) / run.plan.steps
    if shown.warnings is not None or "loss" not in last or progress < EARLY:
        return shown
    found = run.warnings(last, progress)
    return shown._replace(warnings=tuple(found.values()))


def _noted(shown: Exhibit, note: str) -> Exhibit:
    print(f"{shown.record.name}: the page does not show {note}")
    return shown._replace(notes=(*shown.notes, note))


def _trained(run: Run, workdir: Path) -> TrainState:
    """The newest whole checkpoint."""
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        if not checkpoints.steps():
            raise UserError("there is no checkpoint yet")
        train, _ = restore(run, checkpoints)
        return train


def _check_output(output: Path) -> None:
    """Before the minutes of work, not after them."""
    if output.is_dir():
        raise UserError(f"--output={output} is a folder, not a file")
    if not output.parent.is_dir():
        raise UserError(f"--output={output}: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise UserError(f"--output={output}: {output.parent} cannot be written to")


def _write(output: Path, page: str) -> None:
    try:
        atomic.replace_text(output, page)
    except OSError as error:
        with contextlib.suppress(OSError):
            output.with_name(output.name + ".part").unlink()
        raise UserError(f"--output={output} cannot be written: {error.strerror}") from None


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "device": atomic.device_name(),
        "system": f"{platform.system()} {platform.machine()}",
    }


if __name__ == "__main__":
    config_flags.run(main)
