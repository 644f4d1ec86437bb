"""Self-supervised learning of visual representations in JAX and Flax.

Public are `load_encoder` with the `Encoder` that it returns, and the commands
`python -m ssl_jax.<command>`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssl_jax.encoder.encoder import Encoder, load_encoder

__all__ = ["Encoder", "load_encoder"]


def __getattr__(name: str) -> Any:
    # Late: processes that only decode images import the package as well.
    if name in __all__:
        from ssl_jax.encoder import encoder

        return getattr(encoder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
