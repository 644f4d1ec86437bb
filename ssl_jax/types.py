"""Names for the pytrees that everything passes around."""

from typing import Any, NamedTuple

from jaxtyping import Array, Float, Int

# Nested dictionaries of arrays. `params` is what the optimizer updates, `state` everything else.
Params = Any
State = Any
# An ml_collections.ConfigDict; to a type checker its values could be anything.
Config = Any


class Batch(NamedTuple):
    """What a method sees in one step.

    views: float images in [0, 1], one array [N, H, W, C] per view; sizes may differ (multi-crop).
    labels: class indices [N], or None where there are none; only `supervised` reads them.
    """

    views: tuple[Float[Array, "n _h _w c"], ...]
    labels: Int[Array, " n"] | None = None
