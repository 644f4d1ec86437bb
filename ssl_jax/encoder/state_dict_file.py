"""Reads the arrays of a weights file: safetensors, or PyTorch's format with weights_only."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from ssl_jax.errors import UserError

StateDict = dict[str, np.ndarray]


class Unusable(str):
    """In place of an array: why it cannot be one; refused only where a network needs it."""


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
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"holds arrays of a type that NumPy does not have: {error}"
            raise UserError(f"--file={path} {what}; save them as float32") from None
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
            yield f"{prefix}{key}", _array(value.detach())


def _array(tensor: Any) -> "np.ndarray | Unusable":
    """A tensor of PyTorch as an array, if it is dense and on this machine."""
    if getattr(tensor, "is_quantized", False):
        return Unusable("is quantized")
    layout = str(getattr(tensor, "layout", "torch.strided"))
    if layout != "torch.strided":
        return Unusable(f"is stored as {layout.removeprefix('torch.')}")
    try:
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    except Exception as error:  # a tensor without storage, a subclass of another library
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Unusable(f"is no plain array: {reason}")


def _as_arrays(entries: Mapping[str, "np.ndarray | Unusable"]) -> StateDict:
    """Integers and booleans unchanged, everything else as float32."""
    return {name: _as_float(value) for name, value in entries.items()}


def _as_float(value: "np.ndarray | Unusable") -> Any:
    if isinstance(value, Unusable) or value.dtype.kind in "iub":
        return value
    if value.dtype.kind == "c":
        return Unusable("is complex")
    return value.astype(np.float32)
