"""Learning rates, weight decays, and decays of momentum targets, by step."""

from collections.abc import Sequence
from typing import Annotated

import jax.numpy as jnp
import numpy as np
import optax

from ssl_jax.errors import require
from ssl_jax.options.kinds import OneOf

SCHEDULES = ("cosine", "constant", "drops")
EMA_SCHEDULES = ("constant", "cosine")
EmaSchedule = Annotated[str, OneOf(EMA_SCHEDULES)]


def learning_rate(
    peak: float,
    steps: int,
    *,
    schedule: str = "cosine",
    warmup_steps: int = 0,
    final: float = 0.0,
    drops: Sequence[int] = (),
    drop_factor: float = 0.1,
) -> optax.Schedule:
    """Learning rate by step: rises linearly from peak / warmup_steps to `peak`, then the schedule.

    The warm-up does not start from zero because the first update would then do nothing.

    Args:
      peak: learning rate at the end of the warm-up.
      steps: length of the whole run, including the warm-up.
      schedule: "cosine" falls to final * peak at the end; "constant" stays; "drops" multiplies by
        `drop_factor` at each of the steps `drops`.
      warmup_steps: length of the warm-up; 0 starts at `peak`.
      final: share of `peak` that remains at the end of "cosine".
      drops: steps, counted from the start of the run.
      drop_factor: of "drops".

    Returns:
      The schedule: step -> learning rate.

    Raises:
      UserError: for an unknown schedule, or a warm-up that leaves no steps.

    Example:
      >>> rate = learning_rate(1.0, 6, warmup_steps=2)
      >>> [round(float(rate(step)), 3) for step in range(7)]
      [0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    fits = warmup_steps == 0 or warmup_steps < steps
    require(fits, "warmup_steps", warmup_steps, f"must be less than the {steps} steps of the run")
    require(schedule in SCHEDULES, "schedule", schedule, f"must be one of {', '.join(SCHEDULES)}")
    if schedule == "cosine":
        after = optax.cosine_decay_schedule(peak, max(steps - warmup_steps, 1), final)
    else:
        at = drops if schedule == "drops" else ()
        # The schedule counts from the end of the warm-up.
        scales = {step - warmup_steps: drop_factor for step in at}
        after = optax.piecewise_constant_schedule(peak, scales)
    if warmup_steps == 0:
        return after
    rising = optax.linear_schedule(peak / warmup_steps, peak, warmup_steps)
    return optax.join_schedules([rising, after], [warmup_steps])


def weight_decay(start: float, steps: int, *, final: float = 1.0) -> float | optax.Schedule:
    """Weight decay by step: a cosine from `start` to final * start over the whole run.

    DINO's official code has 0.04 and ten times that (arXiv 2104.14294, section 3.2).

    Args:
      start: weight decay in the first step.
      steps: length of the whole run.
      final: where it ends, as a multiple of `start`; 1.0 leaves it constant.

    Returns:
      The schedule: step -> weight decay; a number where it is constant.

    Example:
      >>> decay = weight_decay(0.04, 4, final=10.0)
      >>> [round(float(decay(step)), 3) for step in range(5)]
      [0.04, 0.093, 0.22, 0.347, 0.4]
    """
    return start if final == 1.0 else optax.cosine_decay_schedule(start, max(steps, 1), final)


def ema_momentum(
    base: float, steps: int, schedule: str = "constant", *, bias_corrected: bool = False
) -> optax.Schedule:
    """Decay of a momentum target by step: constant, or BYOL's cosine from `base` to 1.

    The cosine is 1 - (1 - base) (cos(pi k / K) + 1) / 2 in step k of K (Grill et al.,
    arXiv 2006.07733, section 3.2).

    Args:
      base: decay in the first step before correction, in [0, 1]; below 1 if corrected.
      steps: length of the whole run.
      schedule: "constant" or "cosine".
      bias_corrected: makes the target an average of online parameters alone, without its own
        initial values: m / (1 - prod decay), where m starts at 0 and follows with these decays.
        A target with the decay d_k (1 - P_k) / (1 - P_{k+1}), P_k = d_0 ... d_{k-1}, is exactly
        that average; its decay is 0 in the first step.

    Returns:
      The schedule: step -> decay.

    Raises:
      UserError: for an unknown schedule, or a base out of range.

    Example:
      >>> decay = ema_momentum(0.9, 4, "cosine")
      >>> [round(float(decay(step)), 3) for step in range(5)]
      [0.9, 0.915, 0.95, 0.985, 1.0]
    """
    valid = 0 <= base < 1 if bias_corrected else 0 <= base <= 1
    rule = "must be in [0, 1); 1 cannot be corrected" if bias_corrected else "must be in [0, 1]"
    require(valid, "momentum", base, rule)
    known = OneOf(EMA_SCHEDULES)
    require(known.holds(schedule), "momentum_schedule", schedule, known.rule)
    if schedule == "constant":
        distance = optax.constant_schedule(1.0 - base)
    else:
        distance = optax.cosine_decay_schedule(1.0 - base, max(steps, 1))

    def decay(step):
        return 1.0 - distance(step)

    return _bias_corrected(decay, max(steps, 1)) if bias_corrected else decay


def _bias_corrected(decay: optax.Schedule, steps: int) -> optax.Schedule:
    """See `ema_momentum`; a table, because the products have no closed form."""
    decays = np.broadcast_to(np.asarray(decay(jnp.arange(steps)), np.float64), (steps,))
    products = np.cumprod(decays)
    before = np.concatenate([[1.0], products[:-1]])
    table = jnp.asarray(decays * (1.0 - before) / (1.0 - products), jnp.float32)
    return lambda step: table[jnp.minimum(step, steps - 1)]
