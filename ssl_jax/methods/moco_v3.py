"""MoCo v3: InfoNCE between predictions and momentum keys of the same batch, without a queue.

Chen, Xie and He, "An Empirical Study of Training Self-Supervised Vision Transformers",
arXiv 2104.02057, Algorithm 1. With batch fusion in front of view 2 this is BA-MoCo (Zhang and
Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", Algorithm 1).

    q_i = h(g(f(x_i)))                      online
    k_i = g_m(f_m(x_i))                     momentum, no gradient
    L   = ctr(q_1, k_2) + ctr(q_2, k_1),    ctr(q, k) = 2 T InfoNCE(q, k; T)

Training a ViT is stable only if its patch projection stays at its random initialisation
(section 4.4), so it is frozen.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax

from ssl_jax.errors import Problem
from ssl_jax.losses import info_nce
from ssl_jax.methods.parts.base import Expectation, KeyArray, Method, RunFacts
from ssl_jax.methods.parts.momentum import Views, online_and_momentum
from ssl_jax.methods.parts.pairs import cross_view
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.methods.parts.target import slow_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.optim.schedules import EmaSchedule, ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Layers, Share, Temperature, Width
from ssl_jax.types import Params


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 4096,
    out: Width = 256,
    projector_layers: Layers = 2,
    temperature: Temperature = 0.2,
    momentum: Share = 0.99,
    momentum_schedule: EmaSchedule = "cosine",
    predictor_final_norm: bool = False,
) -> Method:
    """MoCo v3 for two or more views; with more than two, L is the sum over all ordered pairs.

    The defaults are the official ResNet heads. For a ViT the official code has three projector
    layers and a BatchNorm after the predictor. A BatchNorm at the end of a head has neither scale
    nor bias, and no linear layer has a bias.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run, for the schedule of the momentum.
      hidden: width inside the projector g and the predictor h.
      out: width of the queries q and keys k.
      projector_layers: number of g's layers; 3 for a ViT.
      temperature: T.
      momentum: decay of the target, at the start of the run.
      momentum_schedule: "cosine", which rises to 1, or "constant".
      predictor_final_norm: BatchNorm after the predictor; for a ViT.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: for an unknown momentum_schedule or a momentum out of range; from `init`, if there
        are fewer than two views.
    """
    linear = partial(MLP, bias=False, dtype=backbone.dtype)
    g = linear((hidden,) * (projector_layers - 1) + (out,), final_norm="plain")
    h = linear((hidden, out), final_norm="plain" if predictor_final_norm else None)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g, h)
        yield from flat_temperature(temperature)
        yield from slow_target(momentum, run)

    def compare(q: Views, k: Views, key: KeyArray):
        del key

        def ctr(q, k):
            return 2.0 * temperature * info_nce(q, k, temperature)

        return cross_view(ctr, q, k), {}

    def expect(batch_size: int, views: int) -> Expectation:
        chance = views * (views - 1) * 2.0 * temperature * math.log(batch_size)
        return Expectation(
            chance, 0.0, chance, "BatchNorm over too few images, or momentum below 0.9"
        )

    return online_and_momentum(
        backbone,
        g,
        h,
        decay=ema_momentum(momentum, steps, momentum_schedule),
        compare=compare,
        groups=freeze_patch_projection,
        expect=expect,
        problems=problems,
    )


def freeze_patch_projection(params: Params) -> Any:
    """`Method.groups`: the patch projection of a ViT is frozen, everything else is default."""
    return jax.tree.map_with_path(
        lambda path, _: (
            "frozen"
            if any(getattr(part, "key", None) == "patch_projection" for part in path)
            else "default"
        ),
        params,
    )
