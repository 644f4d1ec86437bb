"""Writing an encoder in a format, and loading the file again to see that it is the same."""

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

TOLERANCE = 1e-4


def write_checked(encoder: Encoder, chosen: ModuleType, file: Path) -> float:
    """Writes an encoder and compares the features of the file with the encoder's, on two images.

    Args:
      encoder: what is written.
      chosen: a module of `formats`.
      file: a file of `replacing`.

    Returns:
      The largest difference, as a share of the largest value.

    Raises:
      UserError: if the format cannot hold the encoder, or the file gives other features.
    """
    chosen.write(encoder, file)
    images: Any = example(encoder)
    # In full precision, which the tensor cores of a GPU do not have by default.
    with jax.default_matmul_precision("highest"):
        expected = np.asarray(encoder.encode(jnp.asarray(images)))
    found = difference(chosen.features(file, encoder, images), expected)
    if not found <= TOLERANCE:
        raise UserError(
            f"the {chosen.__name__.rpartition('.')[2]} file gives other features than the encoder: "
            f"largest difference {found:.1e} of the largest value, above {TOLERANCE:.0e}; not kept"
        )
    return found


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """A file beside `output` that takes its name in the end, or is gone if something goes wrong.

    Raises:
      UserError: before anything else, if no file can be written there.
    """
    if output.is_dir():
        raise UserError(f"--output={output} is a folder; name a file in it")
    try:
        # In a folder of its own: formats may put files beside theirs for a while.
        folder = tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-")
    except OSError as error:
        raise UserError(f"--output={output} cannot be written: {error.strerror}") from None
    with folder as name:
        part = Path(name) / output.name
        yield part
        os.replace(part, output)
