"""Optimizers and schedules, as compositions of optax.

Every optimizer here excludes biases and normalisation parameters from weight decay and from
LARS's adaptation, unless `decay_all` asks for the older habit of MoCo v2 and SimSiam.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ssl_jax.errors import UserError

OPTIMIZERS = ("sgd", "adam", "adamw", "lars", "lars_optax")


def warmup_cosine(
    peak: float, steps: int, warmup_steps: int = 0, final: float = 0.0
) -> optax.Schedule:
    """Learning rate by step: linear from peak / warmup_steps to `peak`, then a cosine to `final`.

    Not from zero: the first update would do nothing.
    """
    if warmup_steps >= steps > 0 and warmup_steps > 0:
        raise UserError(f"warm-up of {warmup_steps} steps does not fit into {steps} steps")
    if warmup_steps == 0:
        return optax.cosine_decay_schedule(peak, max(steps, 1), final / peak if peak else 0.0)
    return optax.warmup_cosine_decay_schedule(
        peak / warmup_steps, peak, warmup_steps, max(steps, 1), final
    )


def ema_momentum(base: float, steps: int, schedule: str = "constant") -> optax.Schedule:
    """Decay of a momentum target by step: constant, or BYOL's cosine from `base` to 1.

    1 - (1 - base) (cos(pi k / K) + 1) / 2 (Grill et al., arXiv 2006.07733, section 3.2).
    """
    if schedule == "constant":
        return optax.constant_schedule(base)
    if schedule == "cosine":
        distance = optax.cosine_decay_schedule(1.0 - base, max(steps, 1))
        return lambda step: 1.0 - distance(step)
    raise UserError(f"unknown momentum schedule {schedule!r}: constant or cosine")


def is_kernel(params: Any) -> Any:
    """True for weights, False for biases and normalisation parameters (at most one axis)."""
    return jax.tree.map(lambda param: jnp.ndim(param) > 1, params)


def make(
    name: str,
    schedule: optax.Schedule,
    *,
    weight_decay: float = 0.0,
    momentum: float = 0.9,
    nesterov: bool = False,
    beta2: float = 0.999,
    trust_coefficient: float = 0.001,
    decay_all: bool = False,
) -> optax.GradientTransformation:
    """The optimizer called `name`.

    sgd: weight decay added to the gradient, heavy-ball momentum (torch.optim.SGD).
    adam: Adam with weight decay added to the gradient (torch.optim.Adam).
    adamw: Adam with decoupled weight decay.
    lars: the form of the official torch code of MoCo v3, Barlow Twins and VICReg (and of BYOL):
      decay, trust ratio, momentum, then the learning rate outside of the buffer.
    lars_optax: optax's and SimCLR's TensorFlow form, learning rate inside of the buffer.

    Raises:
      UserError: for an unknown name.
    """
    mask = (lambda params: jax.tree.map(lambda _: True, params)) if decay_all else is_kernel
    decay = optax.add_decayed_weights(weight_decay, mask)
    if name == "sgd":
        return optax.chain(decay, optax.sgd(schedule, momentum or None, nesterov))
    if name == "adam":
        return optax.chain(decay, optax.adam(schedule, momentum, beta2))
    if name == "adamw":
        return optax.adamw(schedule, momentum, beta2, weight_decay=weight_decay, mask=mask)
    if name == "lars":
        ratio = optax.scale_by_trust_ratio(trust_coefficient=trust_coefficient)
        return optax.chain(
            decay,
            optax.masked(ratio, mask),
            optax.trace(momentum, nesterov),
            optax.scale_by_learning_rate(schedule),
        )
    if name == "lars_optax":
        return optax.lars(
            schedule,
            weight_decay,
            weight_decay_mask=mask,
            trust_coefficient=trust_coefficient,
            trust_ratio_mask=mask,
            momentum=momentum,
            nesterov=nesterov,
        )
    raise UserError(f"unknown optimizer {name!r}: {', '.join(OPTIMIZERS)}")


def by_group(
    default: optax.GradientTransformation,
    constant: optax.GradientTransformation,
    groups: Callable[[Any], Any],
) -> optax.GradientTransformation:
    """One optimizer for the parameters of each group that `groups`, of a Method, names.

    "default" follows the schedule, "constant" keeps the peak learning rate (SimSiam's predictor),
    "frozen" is never updated (MoCo v3's patch projection).
    """
    return optax.partition(
        {"default": default, "constant": constant, "frozen": optax.set_to_zero()}, groups
    )
