"""Self-supervised learning of visual representations in JAX and Flax.

Public are `load_encoder` with the `Encoder` that it returns, `UserError`, and the commands
`python -m ssl_jax.<command>`; `python -m ssl_jax` lists them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssl_jax.errors import UserError

if TYPE_CHECKING:
    from ssl_jax.encoder.encoder import Encoder
    from ssl_jax.encoder.load import load_encoder

__version__ = "0.1.0"
__all__ = ["Encoder", "UserError", "__version__", "load_encoder"]

# `ssl_jax.configs` is configs/, which a wheel has inside the package and a checkout beside it.
if not (Path(__file__).parent / "configs").is_dir():
    __path__.append(str(Path(__file__).parent.parent))


def __getattr__(name: str) -> Any:
    # Late: processes that only decode images import the package as well.
    if name == "Encoder":
        from ssl_jax.encoder.encoder import Encoder

        return Encoder
    if name == "load_encoder":
        from ssl_jax.encoder.load import load_encoder

        return load_encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
