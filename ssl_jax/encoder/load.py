"""Loads the encoder of a run, or one that was exported or imported.

A run leaves its encoder in its folder, as `encoder.json` beside the checkpoints.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict
from jax.typing import DTypeLike

from ssl_jax.encoder.encoder import Encoder, EncoderSpec, abstract_variables
from ssl_jax.encoder.file import FILE, read
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import Backbone, make_backbone
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.types import Params, by_path

SPEC_FILE = "encoder.json"  # in the folder of a run


def load_encoder(
    path: str | os.PathLike[str], *, step: int | None = None, dtype: DTypeLike = "float32"
) -> Encoder:
    """Loads the encoder of a run, or one that was exported or imported.

    Args:
      path: the folder of a run or of an import, or an exported safetensors file.
      step: which checkpoint of a run; None for the latest.
      dtype: in which the network computes.

    Raises:
      UserError: if there is no such encoder.
    """
    path = Path(path).expanduser()
    if path.is_file():
        description, variables, step_found = *read(path), None
    elif (path / SPEC_FILE).is_file():
        description = EncoderSpec.from_json((path / SPEC_FILE).read_text())
        step_found, variables = _of_run(path / "checkpoints", step)
    elif (path / FILE).is_file():
        description, variables, step_found = *read(path / FILE), None
    elif path.is_dir():
        raise UserError(f"{path} holds no encoder: neither {SPEC_FILE} of a run nor {FILE}")
    else:
        raise UserError(f"{path} does not exist")
    if step is not None and step_found is None:
        raise UserError(f"{path} contains a single encoder and no checkpoint of step {step}")
    backbone = make_backbone(**description.network, dtype=jnp.dtype(dtype))
    check_variables(path, description, backbone, variables)
    return Encoder(description, backbone, jax.device_put(variables), step_found)


def _of_run(folder: Path, step: int | None) -> tuple[int, Params]:
    """(step, variables of the online backbone, which every method stores as `backbone`)."""
    collections = {"params": "params", "stats": "batch_stats"}

    def position(name: str) -> tuple[str, ...] | None:
        """Position of an array in the variables; None if it does not belong to the backbone.

        Its name is params/backbone/... (params/method/backbone/... with batch fusion) or
        state/stats/backbone/...
        """
        name = name.replace("params/method/", "params/").replace("state/stats/", "stats/")
        parts = name.split("/")
        if parts[0] in collections and parts[1] == "backbone":
            return collections[parts[0]], *parts[2:]
        return None

    step, arrays = Checkpoints(folder).arrays(lambda name: position(name) is not None, step=step)
    flat: Mapping[Any, Any] = {position(name): array for name, array in arrays.items()}
    return step, {"batch_stats": {}, **unflatten_dict(flat)}


def check_variables(
    path: Path, description: EncoderSpec, backbone: Backbone, variables: Params
) -> None:
    """Raises UserError for variables that do not match the network or are not finite."""
    name = description.network["name"]
    needed, given = _shapes(abstract_variables(description, backbone)), _shapes(variables)
    # Learned positions have the image size of training; they are resized for any other.
    for array in sorted((set(needed) | set(given)) - {"params/positions"}):
        if needed.get(array) != given.get(array):
            raise UserError(
                f"{path} has {array} {given.get(array, 'missing')}, but this {name} needs "
                f"{needed.get(array, 'none')}"
            )
    # Features would not show it: on CPU, the ReLU of a network may turn NaN into 0.
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(variables)):
        raise UserError(f"{path} contains values that are not finite: training has diverged")


def _shapes(tree: Any) -> dict[str, list[int]]:
    return {name: list(leaf.shape) for name, leaf in by_path(tree).items()}
