"""MoCo v3: InfoNCE between predictions and momentum keys of the same batch, no queue.

Chen, Xie and He, "An Empirical Study of Training Self-Supervised Vision Transformers",
arXiv 2104.02057, Algorithm 1. With batch fusion in front of view 2 this is BA-MoCo (Zhang and
Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", Algorithm 1).

    q_i = h(g(f(x_i)))                      online
    k_i = g_m(f_m(x_i))                     momentum, no gradient
    L   = ctr(q_1, k_2) + ctr(q_2, k_1),    ctr(q, k) = 2 T InfoNCE(q, k; T)

The target moves after the optimizer's step; the official code moves it before the next forward
pass, which is the same. Its batch statistics are its own, from its own forward passes.
"""

from functools import partial

import jax

from ssl_jax.losses import info_nce
from ssl_jax.methods.base import Aux, KeyArray, Method, Step
from ssl_jax.methods.common import (
    apply_chain,
    cross_view,
    encode_with,
    init_chain,
    momentum_target,
)
from ssl_jax.networks.heads import MLP
from ssl_jax.networks.resnet import ResNet
from ssl_jax.optim import ema_momentum
from ssl_jax.types import Batch, Params, State


def make(
    backbone: ResNet,
    steps: int,
    *,
    hidden: int = 4096,
    out: int = 256,
    projector_layers: int = 2,
    temperature: float = 0.2,
    momentum: float = 0.99,
    momentum_schedule: str = "cosine",
    predictor_final_norm: bool = False,
) -> Method:
    """MoCo v3 for a run of `steps` steps.

    The official ResNet heads are the defaults; for a ViT it has three projector layers and a
    BatchNorm after the predictor (`predictor_final_norm`). All BatchNorms at the end of a head
    are without scale and bias, all linear layers without bias.
    """
    linear = partial(MLP, bias=False, dtype=backbone.dtype)
    g = linear((hidden,) * (projector_layers - 1) + (out,), final_norm="plain")
    h = linear((hidden, out), final_norm="plain" if predictor_final_norm else None)
    online = {"backbone": backbone, "projector": g, "predictor": h}
    target = {"backbone": backbone, "projector": g}
    decay = ema_momentum(momentum, steps, momentum_schedule)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        params, stats = init_chain(key, online, batch.views[0])
        copy = {"params": {n: params[n] for n in target}, "stats": {n: stats[n] for n in target}}
        return params, {"stats": stats, "target": copy}

    def ctr(q, k):
        return 2.0 * temperature * info_nce(q, k, temperature)

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del key, step
        stats, moving = state["stats"], state["target"]["stats"]
        queries, keys = [], []
        for view in batch.views:
            q, stats = apply_chain(online, params, stats, view)
            k, moving = apply_chain(target, state["target"]["params"], moving, view)
            queries.append(q)
            keys.append(jax.lax.stop_gradient(k))
        value = cross_view(ctr, tuple(queries), tuple(keys))
        new_state = {
            "stats": stats,
            "target": {"params": state["target"]["params"], "stats": moving},
        }
        return value, Aux(new_state, {}, tuple(queries))

    def update(params: Params, state: State, step: Step) -> tuple[Params, State]:
        moved = momentum_target(state["target"]["params"], params, decay(step))
        return params, {**state, "target": {**state["target"], "params": moved}}

    return Method(init, loss, encode_with(backbone), update)
