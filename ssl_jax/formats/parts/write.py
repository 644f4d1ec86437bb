"""Writes an encoder in a format, and checks the file by loading it again."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.formats.parts.check import difference
from ssl_jax.formats.parts.images import example
from ssl_jax.storage import atomic

TOLERANCE = 1e-4


def write_checked(encoder: Encoder, format_module: ModuleType, file: Path) -> float:
    """Writes an encoder, and compares its features with those of the file on two images.

    Args:
      encoder: the encoder to write.
      format_module: a module of `formats`.
      file: path from `replacing`.

    Returns:
      The largest absolute difference, relative to the largest absolute value.

    Raises:
      UserError: if the format does not support the encoder, or the file gives other features.
    """
    format_module.write(encoder, file)
    images: Any = example(encoder)
    # In full float32 precision, which is not the default on the tensor cores of a GPU.
    with jax.default_matmul_precision("highest"):
        expected = np.asarray(encoder.encode(jnp.asarray(images)))
    deviation = difference(format_module.features(file, encoder, images), expected)
    if not deviation <= TOLERANCE:
        name = format_module.__name__.rpartition(".")[2]
        raise UserError(
            f"the {name} file was not kept: its features differ from the encoder's by "
            f"{deviation:.1e} of the largest value, which is more than {TOLERANCE:.0e}"
        )
    return deviation


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """A path to write to, which replaces `output` in the end, or is deleted after an error.

    Raises:
      UserError: if no file can be written there.
    """
    if output.is_dir():
        raise UserError(f"--output={output} is a folder; name a file in it")
    with (
        atomic.writing(f"--output={output}"),
        # In a folder of its own, since formats may write temporary files beside it.
        tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as name,
    ):
        part = Path(name) / output.name
        yield part
        atomic.synchronize(part)
        os.replace(part, output)
