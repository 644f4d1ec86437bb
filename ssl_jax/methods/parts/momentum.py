"""Methods whose views all pass through an online network with a predictor and a momentum target.

    p_i = h(g(f(x_i)))          online: backbone f, projector g, predictor h
    z_i = g_m(f_m(x_i))         momentum, no gradient

BYOL, MoCo v3 and MSBReg differ in how they compare the p_i with the z_i.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import optax
from jaxtyping import Array, Float

from ssl_jax.errors import refuse
from ssl_jax.methods.parts.base import (
    Aux,
    ExpectFn,
    GroupsFn,
    KeyArray,
    Method,
    ProblemsFn,
    Step,
    facts_of,
    no_expectation,
    no_problems,
    one_group,
)
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.methods.parts.target import follow, start_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.types import Batch, Embeddings, Params, State

Views = tuple[Embeddings, ...]
# Predictions and targets, one [N, d] per view, and a key -> the loss and scalars to log.
Compare = Callable[[Views, Views, KeyArray], tuple[Float[Array, ""], dict[str, Float[Array, ""]]]]


def online_and_momentum(
    backbone: Backbone,
    projector: nn.Module,
    predictor: nn.Module,
    *,
    decay: optax.Schedule,
    compare: Compare,
    groups: GroupsFn = one_group,
    expect: ExpectFn = no_expectation,
    problems: ProblemsFn = no_problems,
) -> Method:
    """Makes the method that trains by comparing predictions with the target's projections.

    Args:
      backbone: f.
      projector: g.
      predictor: h.
      decay: of the target, by step.
      compare: predictions p, projections z and a key -> the loss and scalars to log.
      groups: `Method.groups`.
      expect: `Method.expect`.
      problems: `Method.problems`.

    Returns:
      The method.
    """
    target = {"backbone": backbone, "projector": projector}
    online = {**target, "predictor": predictor}

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, online, batch.views[0])
        return params, {"stats": stats, "target": start_target(params, stats, target)}

    def loss(
        params: Params, state: State, batch: Batch, key: KeyArray, step: Step
    ) -> tuple[Float[Array, ""], Aux]:
        del step
        online_key, target_key, loss_key = jax.random.split(key, 3)
        fixed = state["target"]
        p, stats = apply_in_turn(online, params, state["stats"], batch.views, online_key)
        z, moving = apply_in_turn(target, fixed["params"], fixed["stats"], batch.views, target_key)
        value, metrics = compare(p, jax.lax.stop_gradient(z), loss_key)
        state = {"stats": stats, "target": {**fixed, "stats": moving}}
        return value, Aux(state, metrics, p)

    return Method(init, loss, encode_with(backbone), follow(decay), groups, expect, problems)
