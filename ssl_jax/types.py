"""Names for the pytrees that everything passes around."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int

# Nested dictionaries of arrays. `params` is what the optimizer updates, `state` everything else.
Params = Any
State = Any
# One row per image of the batch.
Embeddings = Float[Array, "n d"]
# An ml_collections.ConfigDict; to a type checker its values could be anything.
Config = Any


class Batch(NamedTuple):
    """What a method sees in one step.

    views: float images in [0, 1], one array [N, H, W, C] per view; sizes may differ (multi-crop).
    labels: class indices [N], or None where there are none; only `supervised` reads them.
    """

    views: tuple[Float[Array, "n _h _w c"], ...]
    labels: Int[Array, " n"] | None = None


def by_path(tree: Any) -> dict[str, Any]:
    """Leaves by names such as "params/backbone/conv1/kernel", in tree order."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}
