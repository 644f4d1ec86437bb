"""Fast-MoCo: predictions from pairs of patches, compared with momentum keys of whole images.

Ci et al., "Fast-MoCo: Boost Momentum-Based Contrastive Learning with Combinatorial Patches",
arXiv 2207.08220, section 3, and its official code.

    v_i  = all C(4, k) means of k patch embeddings f(divide(x_i))    online, 2 x 2 patches
    p_ic = h(g(v_ic))                                                one per combination c
    z_i  = g_m(f_m(x_i))                                             momentum, no gradient
    L    = mean over c of 1/2 [InfoNCE(p_1c, z_2; T) + InfoNCE(p_2c, z_1; T)]

The official code initialises the target separately; here it starts as a copy. The running averages
of the online networks' BatchNorm are those of patches, although evaluation encodes whole images:
the official linear evaluation collects them anew while it trains, ours does not.
"""

import math
from collections.abc import Iterator

import jax

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import least_info_nce
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, group_networks, init_chain
from ssl_jax.methods.parts.combinatorial_patches import (
    apply_to_combinations,
    combined_info_nce,
    patch_problems,
)
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.methods.parts.target import follow, slow_target, start_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.optim.schedules import ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Count, Layers, Share, Temperature, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 2048,
    predictor_hidden: Width = 512,
    projector_layers: Layers = 3,
    temperature: Temperature = 1.0,
    momentum: Share = 0.99,
    k: Count = 2,
) -> Method:
    """Fast-MoCo for two views with even sides.

    The projector has a BatchNorm after every layer, including the last; linear layers in front of
    one have no bias, which it would cancel. The learning rate of the predictor is constant.
    `Aux.embeddings` are the predictions for each view and combination: C(4, k) arrays for view 1,
    then those for view 2.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used, as the momentum is constant.
      hidden: width inside the projector g.
      out: width of the keys z and predictions p.
      predictor_hidden: width inside the predictor h.
      projector_layers: number of g's layers.
      temperature: T.
      momentum: decay of the target.
      k: number of patches in a combination, 1 to 4.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: for a momentum out of range; from `init`, if there are not two views, or for
        another k or odd sides.
    """
    g = MLP(
        (hidden,) * (projector_layers - 1) + (out,),
        final_norm="affine",
        bias=False,
        dtype=backbone.dtype,
    )
    h = MLP((predictor_hidden, out), bias=False, final_bias=True, dtype=backbone.dtype)
    target = {"backbone": backbone, "projector": g}
    online = {**target, "predictor": h}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run, 2, 2)
        yield from heads(run, g, h)
        yield from patch_problems(run, k)
        # Temperature 1 is the paper's.
        yield from flat_temperature(temperature, by_paper=True)
        yield from slow_target(momentum, run)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, online, batch.views[0])
        return params, {"stats": stats, "target": start_target(params, stats, target)}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        *keys, target_key = jax.random.split(key, 3)
        p, stats = [], state["stats"]
        for view, view_key in zip(batch.views, keys, strict=True):
            predictions, stats = apply_to_combinations(online, params, stats, view, k, view_key)
            p.append(predictions)
        fixed = state["target"]
        z, moving = apply_in_turn(target, fixed["params"], fixed["stats"], batch.views, target_key)
        z = jax.lax.stop_gradient(z)
        value = 0.5 * (
            combined_info_nce(p[0], z[1], temperature) + combined_info_nce(p[1], z[0], temperature)
        )
        embeddings = tuple(view[:, c] for view in p for c in range(view.shape[1]))
        new_state = {"stats": stats, "target": {**fixed, "stats": moving}}
        return value, Aux(new_state, {}, embeddings)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        chance, least = math.log(batch_size), least_info_nce(batch_size, temperature)
        return Expectation(
            chance, least, 1.05 * chance, "learning rate too high, or momentum below 0.9"
        )

    return Method(
        init,
        loss,
        encode_with(backbone),
        follow(ema_momentum(momentum, steps)),
        group_networks(predictor="constant"),
        expect,
        problems,
    )
