"""Writes and reads checkpoints with Orbax; the only file that depends on it.

A checkpoint is a folder with two items: "state", the arrays, and "meta", a JSON document with the
keys "arrays" (from `integrity.describe`), "metric" (a number or null) and "meta" (the caller's).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import SingleDeviceSharding
from orbax.checkpoint import v1 as ocp

from ssl_jax.errors import UserError
from ssl_jax.storage import integrity
from ssl_jax.types import by_path

ITEMS = ("meta", "state")


class Writer:
    """Writes checkpoints in the background and deletes those that are no longer kept.

    With several processes, all of them must make the same calls.

    Args:
      directory: gets one folder per step.
      steps_to_keep: steps that have a checkpoint -> steps whose checkpoints are kept.
    """

    def __init__(self, directory: Path, steps_to_keep: Callable[[list[int]], set[int]]):
        self._directory = directory
        self._saving: int | None = None
        context = _context()
        # A function, because Orbax would copy a bound method together with its object.
        context.async_options.post_finalization_callback = lambda: self._before_commit()
        self._checkpointer = ocp.training.Checkpointer(
            str(directory),
            context=context,
            preservation_policy=_Preservation(steps_to_keep),
            cleanup_tmp_directories=True,  # left behind by a killed run
        )

    def start(self, step: int, document: dict[str, Any], arrays: dict[str, jax.Array]) -> None:
        """Starts a save and returns; the arrays may then be donated."""
        self._saving = step
        items = {"meta": document, "state": arrays}
        self._checkpointer.save_checkpointables_async(step, items, force=True)

    def delete(self, step: int) -> None:
        """Deletes the checkpoint of `step` if there is one."""
        self._checkpointer.delete(step, missing_ok=True)

    def wait(self) -> None:
        """Blocks until the last save is on disk; raises UserError if it failed."""
        try:
            self._checkpointer.wait()
        except Exception as error:
            cause = integrity.first_cause(error)
            raise UserError(
                f"no checkpoint could be written to {self._directory}: {cause}"
            ) from error

    def close(self) -> None:
        """Stops Orbax's threads."""
        self._checkpointer.close()

    def _before_commit(self) -> None:
        """Called in the first process once all files are written, before they are committed."""
        folder = self._directory / f"{self._saving}.orbax-checkpoint-tmp"
        integrity.write_file_digests(folder, ITEMS)


def read_document(path: Path) -> dict[str, Any]:
    """The document of the checkpoint at `path`, after verifying all its files.

    Raises:
      Damaged: if a file differs from the one written or cannot be read.
    """
    integrity.verify_files(path)
    return _read(path, "meta", None)


def read_state(path: Path, abstract_state: Any) -> tuple[Any, dict[str, Any]]:
    """The verified state of the checkpoint at `path`, and the caller's meta.

    Args:
      path: folder of the checkpoint.
      abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings, on any devices.

    Returns:
      The state, with the structure of `abstract_state`, and the meta that was saved with it.

    Raises:
      UserError: if the checkpoint contains other arrays than `abstract_state`.
      Damaged: if the checkpoint cannot be read or differs from the one saved.
    """
    document = read_document(path)
    stored, needed = document["arrays"], by_path(abstract_state)
    integrity.require_same_arrays(path, stored, needed)
    arrays = _read(path, "state", needed)
    integrity.verify_arrays(arrays, stored)
    state = jax.tree.unflatten(jax.tree.structure(abstract_state), [arrays[n] for n in needed])
    return state, document["meta"]


def read_arrays(path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """Verified arrays of the checkpoint at `path`, on the host, by name.

    Args:
      path: folder of the checkpoint.
      wanted: selects arrays by name.

    Raises:
      Damaged: if the checkpoint cannot be read or differs from the one saved.
    """
    descriptions = read_document(path)["arrays"]
    stored = {name: description for name, description in descriptions.items() if wanted(name)}
    here = SingleDeviceSharding(jax.local_devices()[0])
    abstract = {
        name: jax.ShapeDtypeStruct(description["shape"], description["dtype"], sharding=here)
        for name, description in stored.items()
    }
    arrays = _read(path, "state", abstract)
    integrity.verify_arrays(arrays, stored)
    return {name: np.asarray(array) for name, array in arrays.items()}


class _Preservation:
    """Replaces Orbax's best-of policy, which stores metrics in files and fails on damaged ones."""

    def __init__(self, steps_to_keep: Callable[[list[int]], set[int]]):
        self._steps_to_keep = steps_to_keep

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        del context
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = self._steps_to_keep(steps)
        return [step in kept for step in steps]


def _context() -> ocp.Context:
    registry = ocp.handlers.local_registry()
    # By default Orbax stores a dictionary of numbers as arrays.
    registry.add(ocp.handlers.JsonHandler, checkpointable_name="meta")
    context = ocp.Context()
    context.checkpointables.registry = registry
    context.pytree.loading.partial_load = True  # `read_state` compares the names itself
    return context


def _read(path: Path, item: str, abstract: Any) -> Any:
    try:
        with _context():
            return ocp.load_checkpointables(str(path), {item: abstract})[item]
    except (MemoryError, jax.errors.JaxRuntimeError):
        raise  # a problem of the machine, not of the checkpoint
    except Exception as error:  # TensorStore and Orbax raise many types
        cause = integrity.first_cause(error)
        raise integrity.Damaged(f"{item} cannot be read, {cause}") from error
