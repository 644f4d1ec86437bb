"""Different updates for different groups of parameters."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


def frozen_until(
    step: int, optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Runs an optimizer from some step on; before that, parameters stay as they are.

    Neither gradients nor weight decay enter the optimizer before that step, but its schedule counts
    the steps from the start.

    Args:
      step: the first step, counted from 0, in which parameters are updated.
      optimizer: the optimizer to run.

    Returns:
      The optimizer with the freeze.

    Example:
      >>> optimizer, params = frozen_until(1, optax.sgd(0.5)), jnp.ones(())
      >>> first, state = optimizer.update(jnp.ones(()), optimizer.init(params), params)
      >>> second, state = optimizer.update(jnp.ones(()), state, params)
      >>> abs(float(first)), float(second)
      (0.0, -0.5)
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

    The groups are "default", which follows the schedule; "constant", which keeps the peak learning
    rate (SimSiam's predictor); "frozen", which is never updated (MoCo v3's patch projection); and
    "frozen_at_first", which is not updated before step `freeze_steps`, and then like "default"
    (SwAV's prototypes, DINO's last layer).

    Args:
      default: optimizer with the schedule.
      constant: optimizer with the peak learning rate.
      groups: maps parameters to a pytree with the name of a group per leaf; `groups` of a Method.
      freeze_steps: length of the freeze of "frozen_at_first".

    Returns:
      The optimizer of all groups.
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
