"""Loads the encoder of a run, or one that was exported or imported.

A run leaves its encoder in its folder, as `encoder.json` beside the checkpoints.
"""

import json
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
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints, Restored
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
    elif (path / SPEC_FILE).is_file() or Checkpoints(path / "checkpoints").steps():
        description, variables, step_found = _of_run(path, step)
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


def _of_run(workdir: Path, step: int | None) -> tuple[EncoderSpec, Params, int]:
    """(specification, variables of the online backbone, step) of a checkpoint.

    Every method stores its online backbone as `backbone`.
    """
    collections = {"params": "params", "stats": "batch_stats"}

    def position(name: str) -> tuple[str, ...] | None:
        """Position of an array in the variables; None if it does not belong to the backbone.

        Its name is params/backbone/... (params/method/backbone/... with batch fusion) or
        state/stats/backbone/...
        """
        name = name.replace("params/method/", "params/").replace("state/stats/", "stats/")
        parts = name.split("/")
        if parts[0] in collections and len(parts) > 2 and parts[1] == "backbone":
            return collections[parts[0]], *parts[2:]
        return None

    checkpoints = Checkpoints(workdir / "checkpoints")
    if not checkpoints.steps():  # which is said below, unless this is no run at all
        EncoderSpec.from_json(json.dumps(atomic.read_object(workdir / SPEC_FILE)))
    found = checkpoints.arrays(lambda name: position(name) is not None, step=step)
    flat: Mapping[Any, Any] = {position(name): array for name, array in found.state.items()}
    variables = {"batch_stats": {}, **unflatten_dict(flat)}
    return _specification(workdir / SPEC_FILE, found), variables, found.step


def _specification(file: Path, found: Restored) -> EncoderSpec:
    """That in the checkpoint; of an older version, which wrote none there, that in the file.

    Raises:
      UserError: if neither holds one.
    """
    stored, written = found.meta.get("encoder"), atomic.read_object(file)
    if stored is None and written is None:
        raise UserError(
            f"{file} is not the description of an encoder, nor is one in the checkpoint"
        )
    spec = EncoderSpec.from_json(json.dumps(written if stored is None else stored))
    if stored is not None and stored != written:
        state = "is missing or broken" if written is None else "was edited"
        print(f"{file} {state}: checkpoint {found.step} holds the description, too")
    return spec


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
