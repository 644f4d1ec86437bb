"""Optimizers, composed from optax.

All of them exclude biases and normalisation parameters from weight decay and from LARS's
adaptation, unless `decay_all` asks for the older habit of MoCo v2 and SimSiam.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from ssl_jax.errors import require
from ssl_jax.optim.norms import norms
from ssl_jax.options.kinds import Factor, ShareBelowOne

OPTIMIZERS = ("sgd", "adam", "adamw", "lars", "lars_optax", "larc")


def is_kernel(params: Any) -> Any:
    """Tells weights from biases and normalisation parameters, which have at most one axis.

    Args:
      params: a pytree of arrays.

    Returns:
      A pytree like `params`: True for weights.

    Example:
      >>> is_kernel({"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)})
      {'bias': False, 'kernel': True}
    """
    return jax.tree.map(lambda param: jnp.ndim(param) > 1, params)


def make(
    name: str,
    schedule: optax.Schedule,
    *,
    weight_decay: float | optax.Schedule = 0.0,
    momentum: ShareBelowOne = 0.9,
    nesterov: bool = False,
    beta2: ShareBelowOne = 0.999,
    trust_coefficient: Factor = 0.001,
    decay_all: bool = False,
) -> optax.GradientTransformation:
    """Makes the optimizer called `name`.

    sgd: weight decay added to the gradient, heavy-ball momentum (torch.optim.SGD).
    adam: Adam with weight decay added to the gradient (torch.optim.Adam).
    adamw: Adam with decoupled weight decay.
    lars: the form in the official torch code of MoCo v3, Barlow Twins and VICReg (and of BYOL):
      decay, trust ratio, momentum, then the learning rate outside the buffer.
    lars_optax: the form in optax and in SimCLR's TensorFlow code, learning rate inside the buffer.
    larc: the form in solo-learn: the rate of a layer is trust_coefficient |p| / (|g| +
      weight_decay |p|), but at most the learning rate; excluded parameters have no weight decay
      either.

    Args:
      name: one of `OPTIMIZERS`.
      schedule: learning rate by step.
      weight_decay: of all optimizers, a number or by step.
      momentum: of the buffer; the first beta of Adam.
      nesterov: of sgd, lars, lars_optax and larc.
      beta2: of adam and adamw.
      trust_coefficient: of lars, lars_optax and larc.
      decay_all: whether weight decay and adaptation include biases and normalisation parameters.

    Returns:
      The optimizer.

    Raises:
      UserError: for an unknown name.

    Example:
      >>> optimizer, params = make("sgd", optax.constant_schedule(0.5)), jnp.ones((2, 2))
      >>> updates, _ = optimizer.update(jnp.ones((2, 2)), optimizer.init(params), params)
      >>> updates.tolist()
      [[-0.5, -0.5], [-0.5, -0.5]]
    """
    require(name in OPTIMIZERS, "name", name, f"must be one of {', '.join(OPTIMIZERS)}")
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
    return optax.chain(
        optax.masked(_clip_rate(schedule, trust_coefficient, weight_decay), mask),
        optax.sgd(schedule, momentum or None, nesterov),
    )


def _scale_by_trust_ratio(coefficient: float) -> optax.GradientTransformation:
    """Scales updates u of parameters p by coefficient |p| / |u|, or by 1 where a norm is zero.

    Like optax.scale_by_trust_ratio, but computes the norms of all parameters together.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        p_norm, u_norm = norms(jax.tree.leaves(params)), norms(jax.tree.leaves(updates))
        both = (p_norm > 0) & (u_norm > 0)
        factor = jnp.where(both, coefficient * p_norm / jnp.where(both, u_norm, 1.0), 1.0)
        return jax.tree.map(jnp.multiply, _by_leaf(factor, updates), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _clip_rate(
    schedule: optax.Schedule, trust_coefficient: float, weight_decay: float | optax.Schedule
) -> optax.GradientTransformation:
    """Scales gradients plus decay by min(local rate / learning rate, 1).

    Where a norm is zero, gradients stay as they are, without decay.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        p_norm, g_norm = norms(jax.tree.leaves(params)), norms(jax.tree.leaves(updates))
        both = (p_norm > 0) & (g_norm > 0)
        wanted = weight_decay(state) if callable(weight_decay) else weight_decay
        local = trust_coefficient * p_norm / (g_norm + wanted * p_norm + 1e-8)
        rate = jnp.maximum(schedule(state), 1e-12)
        factor = jnp.where(both, jnp.minimum(local / rate, 1.0), 1.0)
        decay = jnp.where(both, wanted, 0.0)
        factors, decays = _by_leaf(factor, updates), _by_leaf(decay, updates)
        scaled = jax.tree.map(lambda f, g, d, p: f * (g + d * p), factors, updates, decays, params)
        return scaled, state + 1

    return optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)


def _by_leaf(values: jax.Array, tree: Any) -> Any:
    """The values as a tree, the i-th value in place of the i-th leaf."""
    return jax.tree.unflatten(jax.tree.structure(tree), list(values))
