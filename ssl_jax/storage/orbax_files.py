"""Writes and reads checkpoints with Orbax; the only file that knows it.

A checkpoint is a folder with two items: "state", the arrays, and "meta", a JSON document of the
form {"arrays": as from `integrity.describe`, "metric": number or null, "meta": the caller's}.
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
    """Writes checkpoints in the background and deletes those that are not to be kept.

    With several processes all of them make the same calls.

    Args:
      directory: gets one folder per step.
      kept: from all steps that have a checkpoint to those whose checkpoints stay.
    """

    def __init__(self, directory: Path, kept: Callable[[list[int]], set[int]]):
        self._directory = directory
        self._saving: int | None = None
        context = _context()
        # A function: Orbax copies a bound method together with its object.
        context.async_options.post_finalization_callback = lambda: self._before_commit()
        self._checkpointer = ocp.training.Checkpointer(
            str(directory),
            context=context,
            preservation_policy=_Preservation(kept),
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
        """Returns once the last save is on disk; raises UserError if it failed."""
        try:
            self._checkpointer.wait()
        except Exception as error:
            cause = integrity.first_cause(error)
            raise UserError(
                f"no checkpoint could be written to {self._directory}: {cause}"
            ) from error

    def close(self) -> None:
        """Ends Orbax's threads."""
        self._checkpointer.close()

    def _before_commit(self) -> None:
        """Called on the first process when all files are written but not yet committed."""
        folder = self._directory / f"{self._saving}.orbax-checkpoint-tmp"
        integrity.write_file_digests(folder, ITEMS)


def read_document(path: Path) -> dict[str, Any]:
    """The document of the checkpoint at `path`, once all files match their digests.

    Raises:
      Damaged: if a file differs from the one written or cannot be read.
    """
    integrity.verify_files(path)
    return _read(path, "meta", None)


def read_state(path: Path, abstract_state: Any) -> tuple[Any, dict[str, Any]]:
    """The whole state of the checkpoint at `path`, verified, and the caller's meta.

    Args:
      path: folder of the checkpoint.
      abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings, on any devices.

    Returns:
      The state, like `abstract_state`, and the meta that was saved with it.

    Raises:
      UserError: if the checkpoint holds other arrays than `abstract_state`.
      Damaged: if the checkpoint cannot be read or differs from the one saved.
    """
    document = read_document(path)
    held, needed = document["arrays"], by_path(abstract_state)
    integrity.require_same_arrays(path, held, needed)
    arrays = _read(path, "state", needed)
    integrity.verify_arrays(arrays, held)
    state = jax.tree.unflatten(jax.tree.structure(abstract_state), [arrays[n] for n in needed])
    return state, document["meta"]


def read_arrays(path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """The arrays of the checkpoint at `path` whose names are wanted, verified, on the host.

    Raises:
      Damaged: if the checkpoint cannot be read or differs from the one saved.
    """
    described = read_document(path)["arrays"]
    held = {name: description for name, description in described.items() if wanted(name)}
    here = SingleDeviceSharding(jax.local_devices()[0])
    abstract = {
        name: jax.ShapeDtypeStruct(description["shape"], description["dtype"], sharding=here)
        for name, description in held.items()
    }
    arrays = _read(path, "state", abstract)
    integrity.verify_arrays(arrays, held)
    return {name: np.asarray(array) for name, array in arrays.items()}


class _Preservation:
    """Not Orbax's own best-of policy: it keeps metrics in files and cannot open damaged ones."""

    def __init__(self, kept: Callable[[list[int]], set[int]]):
        self._kept = kept

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        del context
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = self._kept(steps)
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
        raise  # the machine's fault, not the checkpoint's
    except Exception as error:  # TensorStore and Orbax raise many kinds
        cause = integrity.first_cause(error)
        raise integrity.Damaged(f"{item} cannot be read, {cause}") from error
