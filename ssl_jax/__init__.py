"""Self-supervised learning of visual representations in JAX and Flax.

Public are `pretrain` with the `Run` that it returns, `config` and `configs`, `load_encoder` with
the `Encoder` that it returns, `UserError`, and the commands `python -m ssl_jax.<command>`, which
`python -m ssl_jax` lists.
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssl_jax.errors import UserError

if TYPE_CHECKING:
    from ssl_jax.encoder.encoder import Encoder
    from ssl_jax.encoder.load import load_encoder
    from ssl_jax.run.from_python import Run, config, pretrain

__version__ = "0.1.0"
__all__ = ["Encoder", "Run", "UserError", "__version__", "config", "load_encoder", "pretrain"]

_PLACES = {
    "Encoder": "ssl_jax.encoder.encoder",
    "load_encoder": "ssl_jax.encoder.load",
    **dict.fromkeys(("Run", "config", "pretrain"), "ssl_jax.run.from_python"),
}

# `ssl_jax.configs` is configs/, which a wheel has inside the package and a checkout beside it.
if not (Path(__file__).parent / "configs").is_dir():
    __path__.append(str(Path(__file__).parent.parent))


def __getattr__(name: str) -> Any:
    # Late: processes that only decode images import the package as well.
    if name == "configs":
        return importlib.import_module("ssl_jax.configs")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
