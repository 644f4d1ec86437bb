"""The whole function from images to features, for any program that runs StableHLO.

jax.export serialises it with the weights, for CPU, CUDA and TPU and for any number of images.
Matrix products have full float32 precision on every platform.
"""

import contextlib
from collections.abc import Iterator
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
    with jax.default_matmul_precision("highest"), _without_source_files():
        exported = export.export(jax.jit(encoder.encode), platforms=PLATFORMS)(images)
    path.write_bytes(exported.serialize())


@contextlib.contextmanager
def _without_source_files() -> Iterator[None]:
    """Programs do not say where the files lie that they were traced from."""
    frames = jax.config.jax_traceback_in_locations_limit  # pyright: ignore
    jax.config.update("jax_traceback_in_locations_limit", 0)
    try:
        yield
    finally:
        jax.config.update("jax_traceback_in_locations_limit", frames)


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
