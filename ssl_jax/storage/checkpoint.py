"""Checkpoints of a run: saved asynchronously, verified on load; keeps the latest few and the best.

Reading changes nothing on disk, so other programs may read during training.
"""

import contextlib
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ssl_jax.errors import UserError
from ssl_jax.storage import integrity, orbax_files
from ssl_jax.types import by_path

T = TypeVar("T")


class Restored(NamedTuple):
    """A checkpoint that was read.

    step: of the checkpoint.
    state: pytree with the structure of the abstract state.
    meta: JSON content that was given to `Checkpoints.save`.
    """

    step: int
    state: Any
    meta: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, one folder per step; a context manager.

    Keeps the latest checkpoints and, if metrics were given, the best (highest). A state is a pytree
    of arrays that are replicated over the devices; typed keys are allowed. With several processes,
    all of them must make the same calls.

    Args:
      directory: folder of all checkpoints; created by the first save.
      keep: number of latest checkpoints to keep.
    """

    def __init__(self, directory: str | os.PathLike[str], *, keep: int = 2):
        self._directory = Path(directory).absolute()
        self._keep = keep
        self._metrics: dict[int, float] = {}
        self._damaged: list[int] = []
        self._writer: orbax_files.Writer | None = None

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, intact or damaged, in ascending order."""
        if not self._directory.exists():
            return []
        folders = [path for path in self._directory.iterdir() if path.is_dir()]
        return sorted(int(path.name) for path in folders if path.name.isdigit())

    def save(
        self, step: int, state: Any, meta: dict[str, Any], metric: float | None = None
    ) -> None:
        """Starts a save and returns; the arrays may then be donated. No-op for a saved step.

        Args:
          step: number of updates that led to `state`.
          state: pytree of arrays.
          meta: JSON content, which `restore` returns.
          metric: decides which checkpoint is the best; higher is better.

        Raises:
          UserError: if a number in `state` is not finite, in which case nothing is written, or if
            the previous save failed.
        """
        self.wait()
        writer = self._writer or self._open_writer()
        # Training resumed from an older checkpoint. The damaged ones that it skipped are useless,
        # and must not displace an intact one from the latest few.
        while self._damaged:
            writer.delete(self._damaged.pop())
        if step in self.steps():
            return
        arrays = by_path(state)
        descriptions = integrity.describe(arrays, step)
        self._remember(step, metric)
        writer.start(step, {"arrays": descriptions, "metric": metric, "meta": meta}, arrays)

    def restore(
        self,
        abstract_state: Any,
        *,
        step: int | None = None,
        report: Callable[[str], None] = print,
    ) -> Restored | None:
        """Reads the latest intact checkpoint, or that of `step`.

        Args:
          abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings, on any devices.
          step: which checkpoint to read; None for the latest that is intact.
          report: gets one line for each damaged checkpoint that is skipped.

        Returns:
          The checkpoint; None if there are none.

        Raises:
          UserError: if the checkpoint contains other arrays, if all checkpoints are damaged, or if
            `step` was given and its checkpoint is missing or damaged.
        """
        read = partial(orbax_files.read_state, abstract_state=abstract_state)
        latest = self._read_latest(read, step, report)
        return None if latest is None else Restored(latest[0], *latest[1])

    def arrays(
        self,
        wanted: Callable[[str], bool],
        *,
        step: int | None = None,
        report: Callable[[str], None] = print,
    ) -> tuple[int, dict[str, np.ndarray]]:
        """Reads selected arrays of the latest intact checkpoint, or of that of `step`.

        For readers that need a part of a run and do not know its configuration.

        Args:
          wanted: selects arrays by name; names are paths such as "params/backbone/conv1/kernel".
          step: which checkpoint to read; None for the latest that is intact.
          report: gets one line for each damaged checkpoint that is skipped.

        Returns:
          The step of the checkpoint, and the selected arrays by name, on the host.

        Raises:
          UserError: if there is no checkpoint or none of `step`, or if it is damaged.
        """
        latest = self._read_latest(partial(orbax_files.read_arrays, wanted=wanted), step, report)
        if latest is None:
            raise UserError(f"{self._directory} has no checkpoint yet")
        return latest

    def wait(self) -> None:
        """Blocks until the last save is on disk; raises UserError if it failed."""
        if self._writer is not None:
            self._writer.wait()

    def close(self) -> None:
        """Waits for the last save, then stops Orbax's threads; raises UserError if it failed."""
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _read_latest(
        self, read: Callable[[Path], T], step: int | None, report: Callable[[str], None]
    ) -> tuple[int, T] | None:
        """(step, what `read` returned) for the latest intact checkpoint, or for that of `step`."""
        steps = self.steps()
        if step is not None and step not in steps:
            raise UserError(f"{self._directory} has no checkpoint of step {step}, only of {steps}")
        for candidate in reversed(steps) if step is None else [step]:
            path = self._directory / str(candidate)
            try:
                return candidate, read(path)
            except integrity.Damaged as damage:
                if step is not None:
                    raise UserError(f"checkpoint {path} is damaged: {damage}") from damage
                report(f"checkpoint {path} is damaged and skipped: {damage}")
                self._damaged.append(candidate)
        if steps:
            raise UserError(f"all checkpoints in {self._directory} are damaged: steps {steps}")
        return None

    def _open_writer(self) -> orbax_files.Writer:
        for step in self.steps():
            with contextlib.suppress(integrity.Damaged):
                document = orbax_files.read_document(self._directory / str(step))
                self._remember(step, document["metric"])
        self._writer = orbax_files.Writer(self._directory, self._steps_to_keep)
        return self._writer

    def _remember(self, step: int, metric: float | None) -> None:
        if metric is not None and math.isfinite(metric):
            self._metrics[step] = metric

    def _steps_to_keep(self, steps: list[int]) -> set[int]:
        """The steps to keep: the latest, and the best or the last of several equally good ones."""
        kept = set(sorted(steps)[-self._keep :])
        rated = [(self._metrics[step], step) for step in steps if step in self._metrics]
        if rated:
            kept.add(max(rated)[1])
        return kept
