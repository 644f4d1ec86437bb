"""Checkpoints of a run: saved asynchronously, verified on load; keeps the latest few and the best.

Reading changes nothing on disk, so other programs may read during training. A checkpoint that was
read and is not what was saved is damaged; the next save renames it, and deletes it never. Whatever
else goes wrong while reading ends in one line, and touches nothing.
"""

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax

from ssl_jax.errors import UserError
from ssl_jax.storage import folders, integrity, orbax_files
from ssl_jax.storage.atomic import reason
from ssl_jax.storage.folders import Stored
from ssl_jax.storage.writer import Writer
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
      report: gets one line for each damaged checkpoint, and for each folder that is ignored.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        keep: int = 2,
        report: Callable[[str], None] = print,
    ):
        self._directory = Path(directory).expanduser().absolute()
        self._keep, self._report = keep, report
        self._said: set[str] = set()
        self._metrics: dict[int, float] = {}
        self._intact: set[Path] = set()
        self._damaged: dict[Path, str] = {}
        self._writer: Writer | None = None

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        try:
            self.close()
        except UserError as failed:
            if error is None:
                raise
            self._say(str(failed))  # and let the first error end the run

    def steps(self) -> list[int]:
        """Steps that have a checkpoint that is not known to be damaged, in ascending order.

        Raises:
          UserError: if the disk cannot be read.
        """
        return sorted({stored.step for stored in self._find()})

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
        if self._writer is None:
            self._writer = self._open_writer()
        if step in self.steps():
            return
        arrays = by_path(state)
        descriptions = integrity.describe(arrays, step)
        self._remember(step, metric)
        document = {"step": step, "arrays": descriptions, "metric": metric, "meta": meta}
        self._writer.start(step, document, arrays)

    def latest(self) -> Restored | None:
        """Step and meta of the latest intact checkpoint, its state left out; None without any.

        Raises:
          UserError: if all checkpoints are damaged, or one cannot be read.
        """
        return self._read_latest(None, lambda path: ((), orbax_files.read_document(path)["meta"]))

    def latest_meta(self) -> Restored | None:
        """The same of the latest checkpoint whose meta is intact, whatever its arrays are.

        Raises:
          UserError: if one cannot be read.
        """
        for stored in reversed(self._find()):
            try:
                with self._reading(stored.path):
                    integrity.verify_files(stored.path, folders.META)
                    return Restored(stored.step, (), orbax_files.read_document(stored.path)["meta"])
            except integrity.Damaged:
                continue
        return None

    def restore(self, abstract_state: Any, *, step: int | None = None) -> Restored | None:
        """Reads the latest intact checkpoint, or that of `step`.

        Args:
          abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings, on any devices.
          step: which checkpoint to read; None for the latest that is intact.

        Returns:
          The checkpoint; None if there are none.

        Raises:
          UserError: if the checkpoint contains other arrays, if all checkpoints are damaged, if
            one cannot be read, or if `step` was given and its checkpoint is missing or damaged.
        """
        read = partial(orbax_files.read_state, abstract_state=abstract_state)
        return self._read_latest(step, read)

    def arrays(self, wanted: Callable[[str], bool], *, step: int | None = None) -> Restored:
        """Reads selected arrays of the latest intact checkpoint, or of that of `step`.

        For readers that need a part of a run and do not know its configuration.

        Args:
          wanted: selects arrays by name; names are paths such as "params/backbone/conv1/kernel".
          step: which checkpoint to read; None for the latest that is intact.

        Returns:
          The checkpoint, whose state is the selected arrays by name, on the host.

        Raises:
          UserError: if there is no checkpoint or none of `step`, or if it is damaged or cannot be
            read.
        """
        latest = self._read_latest(step, partial(orbax_files.read_arrays, wanted=wanted))
        if latest is None:
            raise UserError(f"{self._directory} has no checkpoint yet")
        return latest

    def wait(self) -> None:
        """Blocks until the last save is on disk; raises UserError if it failed."""
        if self._writer is not None:
            self._writer.wait()

    def close(self) -> None:
        """Waits for the last save, then ends the writer; raises UserError if the save failed."""
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _find(self) -> list[Stored]:
        try:
            found = folders.find(self._directory, self._say)
        except OSError as error:
            raise UserError(f"{self._directory} cannot be read: {reason(error)}") from error
        return [stored for stored in found if stored.path not in self._damaged]

    def _read_latest(
        self, step: int | None, read: Callable[[Path], tuple[Any, dict[str, Any]]]
    ) -> Restored | None:
        """What `read` returns for the latest intact checkpoint, or for that of `step`."""
        while True:
            found = self._find()
            if step is not None:
                found = [stored for stored in found if stored.step == step]
            if not found:
                break
            stored = found[-1]
            try:
                return Restored(stored.step, *self._verified(stored, read))
            except (integrity.Damaged, UserError) as error:
                if folders.is_gone(stored.path):  # deleted meanwhile by the training that goes on
                    continue
                if isinstance(error, UserError):
                    raise
                self._found_damaged(stored, error)
        path = self._directory / str(step)
        if path in self._damaged:
            raise UserError(f"checkpoint {path} is damaged: {self._damaged[path]}")
        if step is not None:
            raise UserError(
                f"{self._directory} has no checkpoint of step {step}, only of {self.steps()}"
            )
        if self._damaged:
            names = ", ".join(sorted(path.name for path in self._damaged))
            raise UserError(f"all checkpoints in {self._directory} are damaged: {names}")
        return None

    def _verified(self, stored: Stored, read: Callable[[Path], T]) -> T:
        """What `read` returns for a checkpoint, whose files are verified first.

        Raises:
          Damaged: if it is not what was saved.
          UserError: if it cannot be read, for whatever reason of the machine.
        """
        with self._reading(stored.path):
            if stored.path not in self._intact:
                integrity.verify_files(stored.path)
                self._intact.add(stored.path)
            return read(stored.path)

    @contextlib.contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, MemoryError, jax.errors.JaxRuntimeError) as error:
            cause = reason(error) if isinstance(error, OSError) else integrity.first_cause(error)
            raise UserError(
                f"checkpoint {path} cannot be read, and was left as it is: {cause}"
            ) from error

    def _found_damaged(self, stored: Stored, damage: integrity.Damaged) -> None:
        self._damaged[stored.path] = str(damage)
        self._intact.discard(stored.path)
        self._say(f"checkpoint {stored.path} is damaged and skipped: {damage}")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._report(line)

    def _open_writer(self) -> Writer:
        """Takes possession of the folder: removes what a killed run left, sets damage aside."""
        for stored in self._find():
            if stored.named_by_step:
                try:
                    self._remember(
                        stored.step, self._verified(stored, orbax_files.read_document)["metric"]
                    )
                except integrity.Damaged as damage:
                    self._found_damaged(stored, damage)
        if jax.process_index() == 0:
            try:
                folders.clear_unfinished(self._directory)
                for path in sorted(self._damaged):
                    new = folders.set_aside(path, folders.DAMAGED)
                    self._say(f"{path} is kept as {new.name}")
                self._damaged.clear()
            except OSError as error:
                what = error.filename or self._directory
                raise UserError(f"{what} cannot be moved: {reason(error)}") from error
        return Writer(self._directory, lambda _: self._prune())

    def _remember(self, step: int, metric: float | None) -> None:
        if metric is not None and math.isfinite(metric):
            self._metrics[step] = metric

    def _prune(self) -> None:
        """Deletes checkpoints that are neither the latest nor the best; odd ones are left alone."""
        stored = {s.step: s.path for s in self._find() if s.named_by_step}
        for step in set(stored) - folders.to_keep(stored, self._metrics, self._keep):
            try:
                folders.delete(stored[step])
            except OSError as error:
                raise UserError(f"{stored[step]} cannot be deleted: {reason(error)}") from error
            self._intact.discard(stored[step])
