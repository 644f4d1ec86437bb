"""Reads the arrays of a weights file: safetensors, or PyTorch's format with weights_only."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from ssl_jax.errors import UserError

StateDict = dict[str, np.ndarray]


def read_file(path: Path) -> StateDict:
    """Reads all arrays of a file, by name; names in nested dictionaries are joined by dots.

    Raises:
      UserError: if the file cannot be read, or if it needs PyTorch, which is not installed.
    """
    if not path.is_file():
        raise UserError(f"--file={path} does not exist")
    if path.suffix == ".safetensors":
        try:
            return _as_arrays(safetensors.numpy.load_file(path))
        except (OSError, safetensors.SafetensorError) as error:
            raise UserError(f"--file={path} is not a safetensors file: {error}") from None
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(
            f"--file={path} can be read only with PyTorch: pip install torch, or convert the file "
            "to safetensors elsewhere"
        ) from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle may contain anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"--file={path} cannot be read with weights_only: {reason}") from None
    if not isinstance(content, Mapping):
        raise UserError(f"--file={path} contains a {type(content).__name__}, not a state dict")
    return _as_arrays(dict(_flat(content)))


def _flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif hasattr(value, "detach"):
            value = value.detach()
            yield f"{prefix}{key}", (value.float() if value.is_floating_point() else value).numpy()


def _as_arrays(entries: Mapping[str, np.ndarray]) -> StateDict:
    """Integers and booleans unchanged, everything else as float32."""
    return {
        name: value if value.dtype.kind in "iub" else value.astype(np.float32)
        for name, value in entries.items()
    }
