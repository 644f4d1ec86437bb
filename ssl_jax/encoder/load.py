"""Reading the encoder of a run, or one that was exported or imported.

A run leaves one in its folder: `encoder.json` beside its checkpoints.
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

from ssl_jax.encoder.encoder import Description, Encoder, abstract_variables
from ssl_jax.encoder.file import FILE, read
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import Backbone, make_backbone
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.types import Params, by_path

DESCRIPTION = "encoder.json"  # in the folder of a run


def load_encoder(
    path: str | os.PathLike[str], *, step: int | None = None, dtype: DTypeLike = "float32"
) -> Encoder:
    """The encoder of a run, or one that was exported or imported.

    Args:
      path: the folder of a run or of an import, or an exported safetensors file.
      step: which checkpoint of a run; None: the newest.
      dtype: what the network computes in.

    Raises:
      UserError: where there is none.
    """
    path = Path(path).expanduser()
    if path.is_file():
        description, variables, found = *read(path), None
    elif (path / DESCRIPTION).is_file():
        description = Description.from_json((path / DESCRIPTION).read_text())
        found, variables = _of_run(path / "checkpoints", step)
    elif (path / FILE).is_file():
        description, variables, found = *read(path / FILE), None
    elif path.is_dir():
        raise UserError(f"{path} holds no encoder: neither {DESCRIPTION} of a run nor {FILE}")
    else:
        raise UserError(f"{path}: there is no such folder or file")
    if step is not None and found is None:
        raise UserError(f"{path} holds one encoder, no checkpoint of step {step}")
    backbone = make_backbone(**description.network, dtype=jnp.dtype(dtype))
    check_variables(path, description, backbone, variables)
    return Encoder(description, backbone, jax.device_put(variables), found)


def _of_run(checkpoints: Path, step: int | None) -> tuple[int, Params]:
    """(step, variables of the online backbone), which every method keeps under this name."""
    places = {"params": "params", "stats": "batch_stats"}

    def place(name: str) -> tuple[str, ...] | None:
        """params/backbone/..., state/stats/backbone/...; behind batch fusion params/method/..."""
        name = name.replace("params/method/", "params/").replace("state/stats/", "stats/")
        parts = name.split("/")
        if parts[0] in places and parts[1] == "backbone":
            return places[parts[0]], *parts[2:]
        return None

    found, arrays = Checkpoints(checkpoints).arrays(lambda name: place(name) is not None, step=step)
    flat: Mapping[Any, Any] = {place(name): array for name, array in arrays.items()}
    return found, {"batch_stats": {}, **unflatten_dict(flat)}


def check_variables(
    path: Path, description: Description, backbone: Backbone, variables: Params
) -> None:
    """Raises UserError for variables that are not those of the network, or not finite."""
    name = description.network["name"]
    needed, held = _shapes(abstract_variables(description, backbone)), _shapes(variables)
    # Learned positions are for the image size of training, and resized for any other.
    for array in sorted((set(needed) | set(held)) - {"params/positions"}):
        if needed.get(array) != held.get(array):
            raise UserError(
                f"{path} has {array} {held.get(array, 'missing')}, but this {name} needs "
                f"{needed.get(array, 'none')}"
            )
    # On CPU the networks' ReLU may make a 0 of NaN, so that features would not show it.
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(variables)):
        raise UserError(f"{path} holds numbers that are not finite: training has diverged")


def _shapes(tree: Any) -> dict[str, list[int]]:
    return {name: list(leaf.shape) for name, leaf in by_path(tree).items()}
