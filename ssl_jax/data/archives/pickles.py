"""Reading pickles that hold arrays and plain values only: a pickle can run any code it likes."""

import codecs
import pathlib
import pickle
from typing import Any

import numpy as np

from ssl_jax.errors import UserError

# What arrays and Python 3's byte strings are rebuilt from; nothing here has an effect outside.
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
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def read_entries(path: pathlib.Path, *keys: bytes) -> list[Any]:
    """The values of `keys` in the dictionary pickled in the file, by Python 2 or 3.

    Strings of Python 2 come as bytes.

    Raises:
      UserError: where the file is missing, damaged, has no such keys or asks for anything but
        arrays and plain values.
    """
    try:
        with open(path, "rb") as file:
            content = _ArraysOnly(file, encoding="bytes").load()
        return [content[key] for key in keys]
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(f"{path} cannot be read: {error!r}") from error
