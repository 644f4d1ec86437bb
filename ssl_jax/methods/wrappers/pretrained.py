"""A method that starts from a given backbone instead of a random one."""

from typing import Any

import jax

from ssl_jax.errors import UserError
from ssl_jax.methods.parts.base import KeyArray, Method
from ssl_jax.types import Batch, Params, State, by_path


def pretrained(method: Method, variables: Params) -> Method:
    """Starts all backbones of a method, online and target, from given variables.

    Heads, queues and the fusion block start as usual.

    Args:
      method: the method to wrap.
      variables: {"params": ..., "batch_stats": ...} of the backbone.

    Returns:
      The wrapped method.

    Raises:
      UserError: from `init`, if the variables are not those of the method's backbone.
    """
    given = by_path(variables["params"]) | by_path(variables["batch_stats"])

    def start(path: Any, leaf: Any) -> Any:
        names = [entry.key for entry in path if isinstance(entry, jax.tree_util.DictKey)]
        if "backbone" not in names:
            return leaf
        name = "/".join(names[names.index("backbone") + 1 :])
        if name not in given or given[name].shape != leaf.shape:
            held = list(given[name].shape) if name in given else "missing"
            raise UserError(
                f"config.network.weights has {name} {held}, the configured network needs "
                f"{list(leaf.shape)}"
            )
        return given[name].astype(leaf.dtype)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        return jax.tree_util.tree_map_with_path(start, method.init(key, batch))

    return method._replace(init=init)
