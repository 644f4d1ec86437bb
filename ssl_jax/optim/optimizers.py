"""Optimizers and schedules, as compositions of optax.

Every optimizer here excludes biases and normalisation parameters from weight decay and from
LARS's adaptation, unless `decay_all` asks for the older habit of MoCo v2 and SimSiam.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ssl_jax.errors import UserError
from ssl_jax.optim.norms import norms

OPTIMIZERS = ("sgd", "adam", "adamw", "lars", "lars_optax", "larc")


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
    """Learning rate by step: linear from peak / warmup_steps to `peak`, then the schedule.

    Not from zero: the first update would do nothing.

    schedule: "cosine" to final * peak at the end; "constant"; "drops" multiplies by `drop_factor`
      at each of the steps `drops`.

    Raises:
      UserError: for an unknown schedule, or a warm-up that leaves no steps.
    """
    if warmup_steps >= steps > 0 and warmup_steps > 0:
        raise UserError(f"warm-up of {warmup_steps} steps does not fit into {steps} steps")
    if schedule == "cosine":
        after = optax.cosine_decay_schedule(peak, max(steps - warmup_steps, 1), final)
    elif schedule in ("constant", "drops"):
        at = drops if schedule == "drops" else ()
        # The schedule counts from the end of the warm-up.
        scales = {step - warmup_steps: drop_factor for step in at}
        after = optax.piecewise_constant_schedule(peak, scales)
    else:
        raise UserError(f"unknown schedule {schedule!r}: cosine, constant or drops")
    if warmup_steps == 0:
        return after
    rising = optax.linear_schedule(peak / warmup_steps, peak, warmup_steps)
    return optax.join_schedules([rising, after], [warmup_steps])


def ema_momentum(
    base: float, steps: int, schedule: str = "constant", *, bias_corrected: bool = False
) -> optax.Schedule:
    """Decay of a momentum target by step: constant, or BYOL's cosine from `base` to 1.

    1 - (1 - base) (cos(pi k / K) + 1) / 2 (Grill et al., arXiv 2006.07733, section 3.2).

    bias_corrected: the average of online parameters alone, without where the target started:
      m / (1 - prod decay) for m that follows by these decays from 0. A target that follows by the
      decay d_k (1 - P_k) / (1 - P_{k+1}), P_k = d_0 ... d_{k-1}, is just that; 0 in the first step.

    Raises:
      UserError: for an unknown schedule, or a base outside [0, 1], which is below 1 if corrected.
    """
    if not 0 <= base <= 1 or (bias_corrected and base == 1):
        raise UserError(f"momentum {base} of a target must be in [0, 1]; if corrected, below 1")
    if schedule == "constant":
        distance = optax.constant_schedule(1.0 - base)
    elif schedule == "cosine":
        distance = optax.cosine_decay_schedule(1.0 - base, max(steps, 1))
    else:
        raise UserError(f"unknown momentum schedule {schedule!r}: constant or cosine")

    def decay(step):
        return 1.0 - distance(step)

    return _bias_corrected(decay, max(steps, 1)) if bias_corrected else decay


def _bias_corrected(decay: optax.Schedule, steps: int) -> optax.Schedule:
    """See `ema_momentum`; a table, as the products have no closed form."""
    decays = np.broadcast_to(np.asarray(decay(jnp.arange(steps)), np.float64), (steps,))
    products = np.cumprod(decays)
    before = np.concatenate([[1.0], products[:-1]])
    table = jnp.asarray(decays * (1.0 - before) / (1.0 - products), jnp.float32)
    return lambda step: table[jnp.minimum(step, steps - 1)]


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
    larc: solo-learn's form: the rate of a layer is trust_coefficient |p| / (|g| + weight_decay
      |p|), but at most the learning rate; what is excluded has no weight decay either.

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
    if name in ("lars", "lars_optax"):
        ratio = optax.masked(_scale_by_trust_ratio(trust_coefficient), mask)
        rate = optax.scale_by_learning_rate(schedule)
        buffer = optax.trace(momentum, nesterov)
        last = (buffer, rate) if name == "lars" else (rate, buffer)
        return optax.chain(decay, ratio, *last)
    if name == "larc":
        return optax.chain(
            optax.masked(_clip_rate(schedule, trust_coefficient, weight_decay), mask),
            optax.sgd(schedule, momentum or None, nesterov),
        )
    raise UserError(f"unknown optimizer {name!r}: {', '.join(OPTIMIZERS)}")


def _scale_by_trust_ratio(coefficient: float) -> optax.GradientTransformation:
    """Updates u of parameters p times coefficient |p| / |u|, times 1 where a norm is zero.

    optax.scale_by_trust_ratio, but with the norms of all parameters computed together.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        p_norm, u_norm = norms(jax.tree.leaves(params)), norms(jax.tree.leaves(updates))
        both = (p_norm > 0) & (u_norm > 0)
        factor = jnp.where(both, coefficient * p_norm / jnp.where(both, u_norm, 1.0), 1.0)
        return jax.tree.map(jnp.multiply, _by_leaf(factor, updates), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _clip_rate(
    schedule: optax.Schedule, trust_coefficient: float, weight_decay: float
) -> optax.GradientTransformation:
    """Gradients plus decay, scaled to min(local rate / learning rate, 1), 1 at norms of zero."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        p_norm, g_norm = norms(jax.tree.leaves(params)), norms(jax.tree.leaves(updates))
        both = (p_norm > 0) & (g_norm > 0)
        local = trust_coefficient * p_norm / (g_norm + weight_decay * p_norm + 1e-8)
        rate = jnp.maximum(schedule(state), 1e-12)
        factor = jnp.where(both, jnp.minimum(local / rate, 1.0), 1.0)
        decay = jnp.where(both, weight_decay, 0.0)
        factors, decays = _by_leaf(factor, updates), _by_leaf(decay, updates)
        scaled = jax.tree.map(lambda f, g, d, p: f * (g + d * p), factors, updates, decays, params)
        return scaled, state + 1

    return optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)


def _by_leaf(values: jax.Array, tree: Any) -> Any:
    """One of the values in place of each leaf of the tree."""
    return jax.tree.unflatten(jax.tree.structure(tree), list(values))


def frozen_until(
    step: int, optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """`optimizer` from `step` on; before, parameters stay and neither gradients nor decay enter it.

    Its schedule goes on counting meanwhile.
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
    """One optimizer for the parameters of each group that `groups`, of a Method, names.

    "default" follows the schedule, "constant" keeps the peak learning rate (SimSiam's predictor),
    "frozen" is never updated (MoCo v3's patch projection), "frozen_at_first" not before step
    `freeze_steps`, then as "default" (SwAV's prototypes, DINO's last layer).
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
