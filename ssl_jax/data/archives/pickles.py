"""Reads pickles of arrays and plain values only: other pickles could run arbitrary code."""

import codecs
import pathlib
import pickle
from typing import Any

import numpy as np

from ssl_jax.errors import UserError

# What arrays and the byte strings of Python 3 are rebuilt from; none of it has side effects.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}") from None


def read_entries(path: pathlib.Path, *keys: bytes) -> list[Any]:
    """Reads values from a dictionary that Python 2 or 3 has pickled.

    Args:
      path: the file.
      *keys: of the values; strings of Python 2 are read as bytes.

    Returns:
      The values, in the order of `keys`.

    Raises:
      UserError: if the file is missing or damaged, lacks a key, or refers to anything except
        arrays and plain values.
    """
    try:
        with open(path, "rb") as file:
            content = _ArraysOnly(file, encoding="bytes").load()
        return [content[key] for key in keys]
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(f"{path} cannot be read: {error!r}") from error
