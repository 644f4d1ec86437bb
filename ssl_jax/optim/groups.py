"""Different updates for different groups of parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

# A learning rate by step -> an optimizer that follows it; of other schedules, as that of the weight
# decay, some may be numbers.
Schedule = float | optax.Schedule
MakeOptimizer = Callable[..., optax.GradientTransformation]


def frozen_until(
    step: int, make: MakeOptimizer, *schedules: Schedule
) -> optax.GradientTransformation:
    """Runs an optimizer from some step on; before that, parameters stay as they are.

    As in PyTorch, where an optimizer skips parameters without a gradient: until then moments,
    buffers and counts stay as they were made, but schedules are at the run's step.

    Args:
      step: the first step, counted from 0, in which parameters are updated.
      make: makes the optimizer.
      schedules: its learning rate by step of the run, and whatever else it takes.

    Returns:
      The optimizer with the freeze.

    Example:
      >>> optimizer = frozen_until(1, optax.adam, lambda step: 0.5 / (step + 1))
      >>> params = jnp.ones(())
      >>> first, state = optimizer.update(jnp.ones(()), optimizer.init(params), params)
      >>> second, state = optimizer.update(jnp.ones(()), state, params)
      >>> abs(float(first)), round(float(second), 4)
      (0.0, -0.25)
    """
    # The optimizer counts its own updates, which begin at `step`.
    optimizer = make(*(_later(schedule, step) for schedule in schedules))

    def init(params: Any) -> Any:
        return jnp.zeros((), jnp.int32), optimizer.init(params)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, inner = state
        frozen = count < step
        updates, changed = optimizer.update(updates, inner, params)
        updates = jax.tree.map(lambda u: jnp.where(frozen, 0.0, u), updates)
        inner = jax.tree.map(lambda old, new: jnp.where(frozen, old, new), inner, changed)
        return updates, (count + 1, inner)

    return optax.GradientTransformation(init, update)


def _later(schedule: Schedule, step: int) -> Schedule:
    """The schedule from a step on."""
    return (lambda count: schedule(count + step)) if callable(schedule) else schedule


def by_group(
    make: MakeOptimizer,
    schedule: optax.Schedule,
    peak: float,
    groups: Callable[[Any], Any],
    *,
    others: Sequence[Schedule] = (),
    freeze_steps: int = 0,
) -> optax.GradientTransformation:
    """One optimizer per group of parameters.

    The groups are "default", which follows the schedule; "constant", which keeps the peak learning
    rate (SimSiam's predictor); "frozen", which is never updated (MoCo v3's patch projection); and
    "frozen_at_first", which is not updated before step `freeze_steps`, and then like "default"
    (SwAV's prototypes, DINO's last layer).

    Args:
      make: makes the optimizer of a group.
      schedule: learning rate by step.
      peak: learning rate of the group "constant".
      groups: maps parameters to a pytree with the name of a group per leaf; `groups` of a Method.
      others: what `make` takes besides the learning rate, as the weight decay by step.
      freeze_steps: length of the freeze of "frozen_at_first".

    Returns:
      The optimizer of all groups.
    """
    return optax.partition(
        {
            "default": make(schedule, *others),
            "constant": make(optax.constant_schedule(peak), *others),
            "frozen": optax.set_to_zero(),
            "frozen_at_first": frozen_until(freeze_steps, make, schedule, *others),
        },
        groups,
    )
