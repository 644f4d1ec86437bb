"""The whole function from images to features, for any program that runs StableHLO.

jax.export serialises it with the weights, for CPU, CUDA and TPU and for any number of images.
Matrix products have full float32 precision on every platform.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Float

from ssl_jax.encoder.encoder import Encoder
from ssl_jax.formats.parts.images import preparation

PLATFORMS = ("cpu", "cuda", "tpu")


def write(encoder: Encoder, path: Path) -> None:
    """Writes the file."""
    side, channels = encoder.description.input_side, encoder.description.channels
    shape = export.symbolic_shape(f"n, {side}, {side}, {channels}")
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    with jax.default_matmul_precision("highest"):
        exported = export.export(jax.jit(encoder.encode), platforms=PLATFORMS)(images)
    path.write_bytes(exported.serialize())


def features(
    path: Path, encoder: Encoder, images: Float[np.ndarray, "n h w c"]
) -> Float[np.ndarray, "n d"]:
    """Features computed from the file alone."""
    return np.asarray(export.deserialize(bytearray(path.read_bytes())).call(images))


def advice(encoder: Encoder, path: Path) -> list[str]:
    """How to load the file."""
    side, channels = encoder.description.input_side, encoder.description.channels
    return [
        "import jax.export",
        f"encode = jax.export.deserialize(bytearray(open({str(path)!r}, 'rb').read())).call",
        f"features = encode(images)  # float32 [N, {side}, {side}, {channels}] in [0, 1]",
        "",
        preparation(encoder) + "; the file includes all of this",
    ]
