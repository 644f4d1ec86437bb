"""Different updates for different groups of parameters."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


def frozen_until(
    step: int, optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """`optimizer` from `step` on; before that, parameters stay as they are.

    Neither gradients nor weight decay enter the optimizer before `step`, but its schedule counts
    these steps.
    """

    def init(params: Any) -> Any:
        return jnp.zeros((), jnp.int32), optimizer.init(params)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, inner = state
        seen = jax.tree.map(lambda x: jnp.where(count < step, 0.0, x), (updates, params))
        updates, inner = optimizer.update(seen[0], inner, seen[1])
        return updates, (count + 1, inner)

    return optax.GradientTransformation(init, update)


def by_group(
    default: optax.GradientTransformation,
    constant: optax.GradientTransformation,
    groups: Callable[[Any], Any],
    *,
    freeze_steps: int = 0,
) -> optax.GradientTransformation:
    """One optimizer per group of parameters.

    The groups are "default", which follows the schedule; "constant", which keeps the peak
    learning rate (SimSiam's predictor); "frozen", which is never updated (MoCo v3's patch
    projection); and "frozen_at_first", which is not updated before step `freeze_steps` and then
    as "default" (SwAV's prototypes, DINO's last layer).

    Args:
      default: optimizer with the schedule.
      constant: optimizer with the peak learning rate.
      groups: from parameters to the name of a group per leaf; `groups` of a Method.
      freeze_steps: length of the freeze of "frozen_at_first".
    """
    return optax.partition(
        {
            "default": default,
            "constant": constant,
            "frozen": optax.set_to_zero(),
            "frozen_at_first": frozen_until(freeze_steps, default),
        },
        groups,
    )
