"""A trained encoder by itself: a network, its variables, and how images are prepared for it.

A run leaves one in its folder: `encoder.json` beside its checkpoints. One that was exported or
imported is a safetensors file in the layout of torchvision or timm, the description in its header.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from flax.traverse_util import unflatten_dict
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Float32

from ssl_jax.augment.policy import to_float
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import Backbone, make_backbone
from ssl_jax.networks.state_dicts import from_state_dict, to_state_dict
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.types import Params, by_path

DESCRIPTION = "encoder.json"
FILE = "encoder.safetensors"
KEY = "ssl_jax"  # of the description in the header of a safetensors file
IMAGES_AT_A_TIME = 256


class Description(NamedTuple):
    """What an encoder is, but for its variables.

    network: arguments of `make_backbone`, without dtype. image_size: side in pixels at which the
    network sees images. crop: the central part of the shorter side that is resized to it.
    channels: of the images.
    """

    network: dict[str, Any]
    image_size: int
    crop: float
    channels: int

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        return json.dumps(self._asdict(), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Description":
        """The description in a JSON text.

        Raises:
          UserError: if it is none.
        """
        try:
            found = cls(**json.loads(text))
            network: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in found.network.items()
            }
            make_backbone(**network)
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(f"this is no description of an encoder: {error}") from None
        return found._replace(network=network)


@dataclasses.dataclass(frozen=True)
class Encoder:
    """Features of images.

    variables: {"params": ..., "batch_stats": ...} of the backbone; a Vision Transformer's
    "batch_stats" are empty. step: of the checkpoint; None where it was no checkpoint.
    """

    description: Description
    backbone: Backbone
    variables: Params
    step: int | None = None

    @property
    def features(self) -> int:
        """Width d of the features."""
        return self.backbone.features

    def encode(self, images: Float[Array, "n h w c"]) -> Float[Array, "n d"]:
        """Features of images in [0, 1] of any size, each prepared as `prepare` does."""
        size, crop = self.description.image_size, self.description.crop
        return _encode(self.variables, images, backbone=self.backbone, size=size, crop=crop)

    def __call__(self, images: Any) -> Float32[np.ndarray, "n d"]:
        """Features [N, d] of uint8 images [N, H, W, C] of any size.

        Raises:
          UserError: for images of another type, rank or number of channels.
        """
        channels = self.description.channels
        kind = getattr(images, "dtype", type(images).__name__)
        if kind != np.uint8 or np.ndim(images) != 4 or images.shape[-1] != channels:
            raise UserError(
                f"images must be uint8 [N, H, W, {channels}], not {kind} {np.shape(images)}"
            )
        parts = [images[i : i + IMAGES_AT_A_TIME] for i in range(0, len(images), IMAGES_AT_A_TIME)]
        rows = [self.encode(to_float(jnp.asarray(part))) for part in parts]
        empty = np.zeros((0, self.features), np.float32)
        return np.concatenate([empty, *(np.asarray(row, np.float32) for row in rows)])


def prepare(
    images: Float[Array, "n h w c"], *, size: int, crop: float
) -> Float[Array, "n {size} {size} c"]:
    """The central square of the images, `crop` of their shorter side, resized to `size` pixels.

    Bilinear, antialiased; of images that already have the size a no-op.
    """
    n, height, width, channels = images.shape
    side = max(1, round(min(height, width) * crop))
    top, left = (height - side) // 2, (width - side) // 2
    images = images[:, top : top + side, left : left + side]
    return jax.image.resize(images, (n, size, size, channels), "bilinear", antialias=True)


def abstract_variables(description: Description, backbone: Backbone) -> Params:
    """Shapes and types of the variables of an encoder."""
    side = description.image_size
    images = jax.ShapeDtypeStruct((1, side, side, description.channels), jnp.float32)
    init = functools.partial(backbone.init, train=False)
    return {"batch_stats": {}, **jax.eval_shape(init, jax.random.key(0), images)}


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
    _check(path, description, backbone, variables)
    return Encoder(description, backbone, jax.device_put(variables), found)


def write(path: Path, description: Description, variables: Params) -> None:
    """Writes an encoder to a safetensors file, whole or not at all.

    Under the names of torchvision (ResNets) or timm (Vision Transformers).
    """
    part = path.with_name(path.name + ".part")
    backbone = make_backbone(**description.network)
    state_dict = to_state_dict(backbone, variables, image_size=description.image_size)
    # Not `save_file`, whose files only their owner may read.
    part.write_bytes(safetensors.numpy.save(state_dict, {KEY: description.to_json()}))
    os.replace(part, path)


def read(path: Path) -> tuple[Description, Params]:
    """What `write` wrote.

    Raises:
      UserError: if the file is something else.
    """
    try:
        with safetensors.safe_open(path, "numpy") as file:
            header = (file.metadata() or {}).get(KEY)
            state_dict = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} is no safetensors file: {error}") from None
    if header is None:
        raise UserError(
            f"{path} does not say what network it holds; python -m ssl_jax.import_weights "
            "makes an encoder of it"
        )
    description = Description.from_json(header)
    return description, from_state_dict(make_backbone(**description.network), state_dict)


@functools.partial(jax.jit, static_argnames=("backbone", "size", "crop"))
def _encode(
    variables: Params,
    images: Float[Array, "n h w c"],
    *,
    backbone: Backbone,
    size: int,
    crop: float,
) -> Float[Array, "n d"]:
    features: Any = backbone.apply(variables, prepare(images, size=size, crop=crop), train=False)
    return features


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


def _check(path: Path, description: Description, backbone: Backbone, variables: Params) -> None:
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
