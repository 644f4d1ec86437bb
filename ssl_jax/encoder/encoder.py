"""A trained encoder: a network, its variables, and how images are prepared for it."""

import dataclasses
import functools
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from ssl_jax.encoder.images import Form, parts
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import Backbone, make_backbone
from ssl_jax.types import Params

# The network is compiled for this many images, and for one.
IMAGES_AT_A_TIME = 64


class EncoderSpec(NamedTuple):
    """Everything that defines an encoder, except its variables.

    network: arguments of `make_backbone`, without dtype.
    image_size: side in pixels of the images that the network expects.
    crop: side of the central square that is resized to it, as a fraction of the shorter side.
    channels: number of channels of the images.
    """

    network: dict[str, Any]
    image_size: int
    crop: float
    channels: int

    def to_json(self) -> str:
        """The specification as JSON text, which `from_json` reads."""
        return json.dumps(self._asdict(), indent=2, sort_keys=True)

    @property
    def input_side(self) -> int:
        """Side in pixels of square images whose central crop is `image_size` wide."""
        return round(self.image_size / self.crop)

    @classmethod
    def from_json(cls, text: str) -> "EncoderSpec":
        """Reads a specification from JSON text.

        Raises:
          UserError: if the text is something else.
        """
        try:
            spec = cls(**json.loads(text))
            network: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in spec.network.items()
            }
            make_backbone(**network)
            whole = all(isinstance(n, int) and n > 0 for n in (spec.image_size, spec.channels))
            if not whole or not 0 < spec.crop <= 1:
                raise ValueError(f"{spec.image_size=}, {spec.channels=}, {spec.crop=}")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"this is not the description of an encoder: {error}") from None
        return spec._replace(network=network)


@dataclasses.dataclass
class Encoder:
    """Computes features of images.

    Example:
      encoder = ssl_jax.load_encoder("runs/photos")
      features = encoder("photos/")  # float32 [N, d], a row for each of encoder.paths

    description: everything except the variables.
    backbone: the network.
    variables: {"params": ..., "batch_stats": ...} of the backbone; "batch_stats" is empty for a
      Vision Transformer.
    step: of the checkpoint; None for an encoder that was exported or imported.
    paths: of the files of the last call, in the order of its rows; empty if it had other images.
    """

    description: EncoderSpec
    backbone: Backbone
    variables: Params
    step: int | None = None
    paths: tuple[str, ...] = ()

    @property
    def features(self) -> int:
        """Number of features d."""
        side, channels = self.description.image_size, self.description.channels
        images = jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)
        run = functools.partial(self.backbone.apply, train=False)
        features: Any = jax.eval_shape(run, self.variables, images)
        return features.shape[1]

    def encode(self, images: Float[Array, "n h w c"]) -> Float[Array, "n d"]:
        """Features of images in [0, 1] of any size, after `prepare`."""
        size, crop = self.description.image_size, self.description.crop
        return _encode(self.variables, images, backbone=self.backbone, size=size, crop=crop)

    def __call__(self, images: Any) -> Float32[np.ndarray, "n d"]:
        """Features [N, d] of images.

        Compiles once for a single image and once for more: the last part is padded. Features do not
        depend on the other images.

        Args:
          images: uint8 [N, H, W, C] of any size; an image file, or a folder of them; or a list of
            files, Pillow images and uint8 arrays [H, W, C], each of its own size. Unreadable files
            of a folder are left out with a warning; `paths` are those of the others.

        Raises:
          UserError: for images of another type, rank or number of channels; for a file that cannot
            be read, and for a folder without images.
        """
        spec, paths, rows = self.description, [], []
        form = Form(spec.image_size, spec.crop, spec.channels)
        for part in parts(images, form, size=IMAGES_AT_A_TIME):
            paths.extend(part.paths)
            alone = not rows and len(part.images) == 1
            rows.append(self._features(part.images, 1 if alone else IMAGES_AT_A_TIME))
        self.paths = tuple(paths)
        return np.concatenate(rows) if rows else np.zeros((0, self.features), np.float32)

    def _features(
        self, images: Float32[np.ndarray, "n s s c"], batch_size: int
    ) -> Float32[np.ndarray, "n d"]:
        """Features of at most `batch_size` prepared images, by the program for that many."""
        padding = (0, batch_size - len(images)), (0, 0), (0, 0), (0, 0)
        features = _network(self.variables, np.pad(images, padding), backbone=self.backbone)
        return np.asarray(features, np.float32)[: len(images)]


def prepare(
    images: Float[Array, "n h w c"], *, size: int, crop: float
) -> Float[Array, "n {size} {size} c"]:
    """Crops the central square of images and resizes it.

    Bilinear and antialiased; a no-op for square images of this size if `crop` is 1.

    Args:
      images: of any size.
      size: side of the result in pixels.
      crop: side of the central square, as a fraction of the shorter side.
    """
    n, height, width, channels = images.shape
    side = max(1, round(min(height, width) * crop))
    top, left = (height - side) // 2, (width - side) // 2
    images = images[:, top : top + side, left : left + side]
    return jax.image.resize(images, (n, size, size, channels), "bilinear", antialias=True)


@functools.partial(jax.jit, static_argnames=("backbone", "size", "crop"))
def _encode(
    variables: Params,
    images: Float[Array, "n h w c"],
    *,
    backbone: Backbone,
    size: int,
    crop: float,
) -> Float[Array, "n d"]:
    return _network(variables, prepare(images, size=size, crop=crop), backbone=backbone)


@functools.partial(jax.jit, static_argnames=("backbone",))
def _network(
    variables: Params, images: Float[Array, "n s s c"], *, backbone: Backbone
) -> Float[Array, "n d"]:
    features: Any = backbone.apply(variables, images, train=False)
    return features


def abstract_variables(description: EncoderSpec, backbone: Backbone) -> Params:
    """Shapes and dtypes of the variables of an encoder."""
    side = description.image_size
    images = jax.ShapeDtypeStruct((1, side, side, description.channels), jnp.float32)
    init = functools.partial(backbone.init, train=False)
    return {"batch_stats": {}, **jax.eval_shape(init, jax.random.key(0), images)}
