"""Writes and reads the arrays of a checkpoint with Orbax; the only file that depends on it.

A checkpoint is a folder with two items: "state", the arrays, and "meta", a JSON document with the
keys "step", "arrays" (from `integrity.describe`), "metric" (a number or null) and "meta" (the
caller's). Beside them lies what Orbax says of itself, and `integrity.FILES`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import SingleDeviceSharding
from orbax.checkpoint import v1 as ocp

from ssl_jax.errors import UserError
from ssl_jax.storage import integrity
from ssl_jax.storage.folders import META
from ssl_jax.types import by_path


def start_save(
    path: Path, document: dict[str, Any], arrays: dict[str, jax.Array]
) -> Callable[[], None]:
    """Starts writing a new folder `path`; the arrays may then be donated.

    Returns:
      A function that blocks until everything is written, and raises what went wrong. It must be
      called: Orbax keeps a thread and three descriptors until then.
    """
    with _context():
        response = ocp.save_checkpointables_async(str(path), {"meta": document, "state": arrays})
    return response.result


def read_document(path: Path) -> dict[str, Any]:
    """The document of the checkpoint at `path`, whose files have been verified.

    Raises:
      UserError: if it was written by another program.
    """
    document = json.loads((path / META).read_bytes())
    if not isinstance(document, dict) or not {"arrays", "metric", "meta"} <= set(document):
        raise UserError(f"checkpoint {path} was written by another version")
    return document


def read_state(path: Path, abstract_state: Any) -> tuple[Any, dict[str, Any]]:
    """The state of the checkpoint at `path`, whose files have been verified.

    Args:
      path: folder of the checkpoint.
      abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings, on any devices.

    Returns:
      The state, with the structure of `abstract_state`, and the meta that was saved with it.

    Raises:
      UserError: if the checkpoint contains other arrays than `abstract_state`, or cannot be read.
      Damaged: if the arrays differ from those saved.
    """
    document = read_document(path)
    stored, needed = document["arrays"], by_path(abstract_state)
    integrity.require_same_arrays(path, stored, needed)
    arrays = _read_arrays(path, needed)
    integrity.verify_arrays(arrays, stored)
    state = jax.tree.unflatten(jax.tree.structure(abstract_state), [arrays[n] for n in needed])
    return state, document["meta"]


def read_arrays(
    path: Path, wanted: Callable[[str], bool]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Some arrays of the checkpoint at `path`, whose files have been verified, and the meta.

    Args:
      path: folder of the checkpoint.
      wanted: selects arrays by name.

    Returns:
      The arrays by name, on the host, and the meta that was saved with them.

    Raises:
      UserError: if the checkpoint cannot be read.
      Damaged: if the arrays differ from those saved.
    """
    document = read_document(path)
    stored = {name: about for name, about in document["arrays"].items() if wanted(name)}
    here = SingleDeviceSharding(jax.local_devices()[0])
    abstract = {
        name: jax.ShapeDtypeStruct(description["shape"], description["dtype"], sharding=here)
        for name, description in stored.items()
    }
    arrays = _read_arrays(path, abstract)
    integrity.verify_arrays(arrays, stored)
    return {name: np.asarray(array) for name, array in arrays.items()}, document["meta"]


def _context() -> ocp.Context:
    registry = ocp.handlers.local_registry()
    # By default Orbax stores a dictionary of numbers as arrays.
    registry.add(ocp.handlers.JsonHandler, checkpointable_name="meta")
    context = ocp.Context()
    context.checkpointables.registry = registry
    context.pytree.loading.partial_load = True  # `read_state` compares the names itself
    return context


def _read_arrays(path: Path, abstract: dict[str, Any]) -> dict[str, Any]:
    try:
        with _context():
            return ocp.load_checkpointables(str(path), {"state": abstract})["state"]
    except Exception as error:  # TensorStore and Orbax raise many types
        # The files are those that were written: the machine is in trouble, not the checkpoint.
        cause = integrity.first_cause(error)
        raise UserError(
            f"checkpoint {path} cannot be read, and was left as it is: {cause}"
        ) from error
