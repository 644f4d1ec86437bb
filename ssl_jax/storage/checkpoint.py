"""Checkpoints of a run: asynchronous, verified on load, the latest few and the best.

The only file that knows Orbax, which commits atomically but notices no flipped bit. So a SHA-256
of every file is committed with a checkpoint, and one of every array from before it was handed
over; both are compared on load. Reading changes nothing on disk, so that other programs may read
while one trains.
"""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding
from orbax.checkpoint import v1 as ocp

from ssl_jax.errors import UserError
from ssl_jax.types import by_path

ITEMS = ("meta", "state")
T = TypeVar("T")
FILES = "files.json"  # in the folder of a step: digests of the files of all items


class Restored(NamedTuple):
    """step: of the checkpoint. state: like the abstract state. meta: as given to `save`."""

    step: int
    state: Any
    meta: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, one folder a step; a context manager.

    Kept are the `keep` latest and, where metrics were given, the best (highest). State is a
    pytree of arrays that are replicated over the devices; typed keys are allowed. With several
    processes all of them make the same calls.
    """

    def __init__(self, directory: str | os.PathLike[str], *, keep: int = 2):
        self._directory = Path(directory).absolute()
        self._keep = keep
        self._metrics: dict[int, float] = {}
        self._damaged: list[int] = []
        self._saving: int | None = None
        self._writer: ocp.training.Checkpointer | None = None

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, damaged or not, in ascending order."""
        if not self._directory.exists():
            return []
        folders = [path for path in self._directory.iterdir() if path.is_dir()]
        return sorted(int(path.name) for path in folders if path.name.isdigit())

    def save(
        self, step: int, state: Any, meta: dict[str, Any], metric: float | None = None
    ) -> None:
        """Starts a save and returns; the arrays may then be donated. No-op for a saved step.

        Args:
          step: updates behind `state`.
          state: pytree of arrays.
          meta: anything that JSON holds; `restore` returns it.
          metric: tells which checkpoint is the best; higher is better.

        Raises:
          UserError: where a number in `state` is not finite (nothing is written), or where the
            save before could not be written.
        """
        self.wait()
        writer = self._writer or self._open_writer()
        # Training went on from an older checkpoint: what it passed over is of no use and must
        # not take the place of a whole one among the latest.
        while self._damaged:
            writer.delete(self._damaged.pop(), missing_ok=True)
        if step in self.steps():
            return
        arrays = by_path(state)
        document = {"arrays": _describe(arrays, step), "metric": metric, "meta": meta}
        self._remember(step, metric)
        self._saving = step
        writer.save_checkpointables_async(step, {"meta": document, "state": arrays}, force=True)

    def restore(
        self,
        abstract_state: Any,
        *,
        step: int | None = None,
        report: Callable[[str], None] = print,
    ) -> Restored | None:
        """The newest whole checkpoint, or that of `step`; None where there are none.

        Args:
          abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings, on any devices.
          step: which checkpoint to read.
          report: gets one line for every damaged checkpoint that is skipped.

        Raises:
          UserError: where the checkpoint holds other arrays, where every checkpoint is damaged,
            or where `step` was named and has none or a damaged one.
        """
        return self._newest(partial(_load, abstract_state=abstract_state), step, report)

    def arrays(
        self,
        wanted: Callable[[str], bool],
        *,
        step: int | None = None,
        report: Callable[[str], None] = print,
    ) -> tuple[int, dict[str, np.ndarray]]:
        """(step, the arrays whose names are wanted, on the host) of the newest whole checkpoint.

        Names are paths such as "params/backbone/conv1/kernel". For what needs a part of a run
        and does not know its configuration.

        Args:
          wanted: says which names to read.
          step: which checkpoint to read; None: the newest that is whole.
          report: gets one line for every damaged checkpoint that is skipped.

        Raises:
          UserError: where there is no checkpoint or none of `step`, or it is damaged.
        """
        found = self._newest(partial(_load_arrays, wanted=wanted), step, report)
        if found is None:
            raise UserError(f"{self._directory} has no checkpoint yet")
        return found

    def wait(self) -> None:
        """Returns once the last save lies on disk; raises UserError where that failed."""
        if self._writer is not None:
            try:
                self._writer.wait()
            except Exception as error:
                raise UserError(
                    f"no checkpoint could be written to {self._directory}: {_brief(error)}"
                ) from error

    def close(self) -> None:
        """Waits for the last save and ends Orbax's threads."""
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _newest(
        self, load: Callable[[Path], T], step: int | None, report: Callable[[str], None]
    ) -> T | None:
        """What `load` reads of the newest whole checkpoint, or of that of `step`."""
        steps = self.steps()
        if step is not None and step not in steps:
            raise UserError(f"{self._directory} has no checkpoint of step {step}, only of {steps}")
        for candidate in reversed(steps) if step is None else [step]:
            path = self._directory / str(candidate)
            try:
                return load(path)
            except _Damaged as damage:
                if step is not None:
                    raise UserError(f"checkpoint {path} is damaged: {damage}") from damage
                report(f"checkpoint {path} is damaged and skipped: {damage}")
                self._damaged.append(candidate)
        if steps:
            raise UserError(f"all checkpoints in {self._directory} are damaged: steps {steps}")
        return None

    def _open_writer(self) -> ocp.training.Checkpointer:
        for step in self.steps():
            with contextlib.suppress(_Damaged):
                self._remember(step, _read_meta(self._directory / str(step))["metric"])
        context = _context()
        # A function: Orbax copies a bound method together with its object.
        context.async_options.post_finalization_callback = lambda: self._write_file_digests()
        self._writer = ocp.training.Checkpointer(
            str(self._directory),
            context=context,
            preservation_policy=_LatestAndBest(self._keep, self._metrics),
            cleanup_tmp_directories=True,  # what a killed run left behind
        )
        return self._writer

    def _remember(self, step: int, metric: float | None) -> None:
        if metric is not None and math.isfinite(metric):
            self._metrics[step] = metric

    def _write_file_digests(self) -> None:
        """Called on the first process when all files are written and none is committed yet."""
        folder = self._directory / f"{self._saving}.orbax-checkpoint-tmp"
        paths = [path for item in ITEMS for path in (folder / item).rglob("*") if path.is_file()]
        names = [str(path.relative_to(folder)) for path in paths]
        (folder / FILES).write_text(json.dumps(_file_digests(folder, names)))


def digest(tree: Any) -> str:
    """One SHA-256 (hex) of all arrays of a pytree: their names, dtypes, shapes and bytes."""
    arrays = by_path(tree)
    with ThreadPoolExecutor() as pool:
        digests = pool.map(lambda array: _sha256(_host(array)), arrays.values())
        lines = [f"{name} {sha256}\n" for name, sha256 in zip(arrays, digests, strict=True)]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


class _Damaged(Exception):
    """A checkpoint that cannot be read or is not what was written; says why in one line."""


class _LatestAndBest:
    """Orbax's own best-of policy keeps metrics in files that, once damaged, stop it opening."""

    def __init__(self, keep: int, metrics: dict[int, float]):
        self._keep, self._metrics = keep, metrics

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        del context
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = set(sorted(steps)[-self._keep :])
        rated = [(self._metrics[step], step) for step in steps if step in self._metrics]
        if rated:
            kept.add(max(rated)[1])
        return [step in kept for step in steps]


def _host(array: jax.Array) -> np.ndarray:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    # A replicated array of several processes is read from this process's first device.
    return np.asarray(array.addressable_data(0) if array.is_fully_replicated else array)


def _sha256(array: np.ndarray) -> str:
    sha256 = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    sha256.update(np.ascontiguousarray(array).view(np.uint8).data)
    return sha256.hexdigest()


def _file_digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    def file_digest(name: str) -> str:
        with (folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(file_digest, names), strict=True))


def _kind(leaf: jax.Array | jax.ShapeDtypeStruct) -> dict[str, Any]:
    return {"shape": list(leaf.shape), "dtype": str(leaf.dtype)}


def _describe(arrays: dict[str, jax.Array], step: int) -> dict[str, dict[str, Any]]:
    """Shape, dtype and digest of every array; refuses numbers that are not finite."""

    def describe(name: str) -> dict[str, Any]:
        array = _host(arrays[name])
        if jnp.issubdtype(array.dtype, jnp.inexact) and not np.isfinite(array).all():
            raise UserError(f"{name} is not finite at step {step}: no checkpoint is saved of it")
        return {**_kind(arrays[name]), "sha256": _sha256(array)}

    with ThreadPoolExecutor() as pool:
        return dict(zip(arrays, pool.map(describe, arrays), strict=True))


def _context() -> ocp.Context:
    registry = ocp.handlers.local_registry()
    # Left to itself Orbax stores a dictionary of numbers as arrays.
    registry.add(ocp.handlers.JsonHandler, checkpointable_name="meta")
    context = ocp.Context()
    context.checkpointables.registry = registry
    context.pytree.loading.partial_load = True  # `_load` compares the names itself
    return context


def _brief(error: BaseException) -> str:
    """The first cause of an error, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _read(path: Path, item: str, abstract: Any) -> Any:
    try:
        with _context():
            return ocp.load_checkpointables(str(path), {item: abstract})[item]
    except (MemoryError, jax.errors.JaxRuntimeError):
        raise  # the machine's fault, not the checkpoint's
    except Exception as error:  # TensorStore and Orbax raise many kinds
        raise _Damaged(f"{item} cannot be read, {_brief(error)}") from error


def _read_meta(path: Path) -> dict[str, Any]:
    """What `save` wrote beside the arrays, once every file is known to be what was written."""
    try:
        written = json.loads((path / FILES).read_text())
        found = _file_digests(path, list(written))
    except (OSError, ValueError) as error:
        raise _Damaged(_brief(error)) from error
    for name in written:
        if found[name] != written[name]:
            raise _Damaged(f"{name} differs from what was written")
    return _read(path, "meta", None)


def _load(path: Path, abstract_state: Any) -> Restored:
    document = _read_meta(path)
    held, needed = document["arrays"], by_path(abstract_state)
    _compare(path, held, needed)
    arrays = _read(path, "state", needed)
    _verify(arrays, held)
    state = jax.tree.unflatten(jax.tree.structure(abstract_state), [arrays[n] for n in needed])
    return Restored(int(path.name), state, document["meta"])


def _load_arrays(path: Path, wanted: Callable[[str], bool]) -> tuple[int, dict[str, np.ndarray]]:
    held = {name: kind for name, kind in _read_meta(path)["arrays"].items() if wanted(name)}
    here = SingleDeviceSharding(jax.local_devices()[0])
    abstract = {
        name: jax.ShapeDtypeStruct(kind["shape"], kind["dtype"], sharding=here)
        for name, kind in held.items()
    }
    arrays = _read(path, "state", abstract)
    _verify(arrays, held)
    return int(path.name), {name: np.asarray(array) for name, array in arrays.items()}


def _verify(arrays: dict[str, jax.Array], held: dict[str, Any]) -> None:
    """Raises _Damaged for an array whose digest is not the one of before it was saved."""

    def check(name: str) -> None:
        if _sha256(_host(arrays[name])) != held[name]["sha256"]:
            raise _Damaged(f"{name} differs from what was saved")

    with ThreadPoolExecutor() as pool:
        list(pool.map(check, arrays))


def _compare(path: Path, held: dict[str, Any], needed: dict[str, Any]) -> None:
    """Raises UserError naming the first array in which checkpoint and configuration differ."""
    rule = "another architecture or batch size"
    for name, leaf in needed.items():
        kind = _kind(leaf)
        if name not in held:
            raise UserError(f"checkpoint {path} lacks {name} {kind['shape']}: {rule}")
        for what in ("shape", "dtype"):
            if held[name][what] != kind[what]:
                raise UserError(
                    f"checkpoint {path} holds {name} {held[name][what]}, "
                    f"this configuration needs {kind[what]}: {rule}"
                )
    for name in held:
        if name not in needed:
            raise UserError(
                f"checkpoint {path} holds {name} {held[name]['shape']}, "
                f"which this configuration does not have: {rule}"
            )
