"""Multi-network: whole images and patches of them, compared by three networks.

Li, Long and Li, "Multi-network Contrastive Learning Based on Global and Local Representations",
section 3.2 and Algorithm 1.

    p_i = h(g(f(x_i)))                      online, i = 1, 2, 3
    z_i = NN(Q, g_m(f_m(x_i)))              momentum, i = 1, 2: nearest neighbour in a queue
    v_i = all C(4, k) means of k patch embeddings f(divide(x_i)),  i = 1, 3      Eq. 4 and 5
    c_i = sg(g(v_i))                        stop-gradient network: the online weights, Eq. 6

    loss_m = 1/2 [L(z_1, p_2) + L(z_2, p_1)]
    loss_s = 1/2 [L(c_1, p_3) + L(c_3, p_1)],  the mean over the C(4, k) combinations
    loss   = loss_s + lambda loss_m         L(k, p) = InfoNCE(k, p; T): rows k, columns p

and then view 1's g_m(f_m(x_1)) enters the queue.

Where the paper is silent or contradicts itself: Algorithm 1 puts the coefficient lambda on loss_m,
Eq. 7 on loss_s; it does not say which predictions meet which targets; Algorithm 1 enqueues what it
has by then overwritten with neighbours, from which the queue would learn nothing. The patches pass
through the online networks in train mode; their batch statistics are not kept.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import least_info_nce
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.methods.parts.combinatorial_patches import (
    Combined,
    apply_to_combinations,
    combined_info_nce,
    patch_problems,
)
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.methods.parts.queue import enqueue, init_queue, nearest, queue_problems
from ssl_jax.methods.parts.target import follow, slow_target, start_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.optim.schedules import ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import (
    Count,
    Length,
    QueueSize,
    Share,
    Temperature,
    Weight,
    Width,
    one_of,
)
from ssl_jax.types import Batch, Params, State

# (view of the target, view of the prediction), counted from 0.
MOMENTUM_PAIRS = {"cross": ((0, 1), (1, 0)), "all": ((0, 1), (0, 2), (1, 0), (1, 2))}
STOP_GRADIENT_PAIRS = {"cross": ((0, 2), (2, 0)), "all": ((0, 1), (0, 2), (2, 0), (2, 1))}


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    projector_widths: Annotated[Sequence[Width], Length(1, 10)] = (512, 2048, 2048),
    predictor_hidden: Width = 512,
    temperature: Temperature = 1.0,
    momentum: Share = 0.99,
    queue_size: QueueSize = 16384,
    coefficient: Weight = 6.0,
    coefficient_on: Annotated[str, one_of("momentum", "stop_gradient")] = "momentum",
    pairs: Annotated[str, one_of("cross", "all")] = "cross",
    k: Count = 2,
    combinations: Annotated[str, one_of("all", "one")] = "all",
) -> Method:
    """Multi-network for three views with even sides.

    The projector has a BatchNorm after every layer, including the last; linear layers in front of
    one have no bias, which it would cancel.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used, as the momentum is constant.
      projector_widths: of the layers of the projector g.
      predictor_hidden: width inside the predictor h.
      temperature: T.
      momentum: decay of the target.
      queue_size: number of embeddings in the queue Q, a multiple of the batch size.
      coefficient: lambda.
      coefficient_on: the loss that it multiplies: "momentum" (Algorithm 1) or "stop_gradient"
        (Eq. 7).
      pairs: "cross" is as above; "all" compares every target with every prediction of another
        view, and loss_m and loss_s are the means over their pairs.
      k: number of patches in a combination, 1 to 4 (Table 4).
      combinations: "all", or "one", which is drawn for each view in each step, the same for all
        images (Table 3).

    Returns:
      The method. Its metrics "loss_m" and "loss_s" are without the coefficient.

    Raises:
      UserError: for an unknown choice, or for widths or a momentum out of range; from `init`, if
        queue_size is not a multiple of the batch size or there are not three views, or for another
        k or odd sides.
    """
    out = projector_widths[-1]
    g = MLP(tuple(projector_widths), final_norm="affine", bias=False, dtype=backbone.dtype)
    h = MLP((predictor_hidden, out), bias=False, final_bias=True, dtype=backbone.dtype)
    encoder = {"backbone": backbone, "projector": g}
    online = {**encoder, "predictor": h}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run, 3, 3)
        yield from heads(run, g, h)
        yield from patch_problems(run, k)
        yield from queue_problems(queue_size, run)
        # Temperature 1 is the paper's.
        yield from flat_temperature(temperature, by_paper=True)
        yield from slow_target(momentum, run)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        chain_key, queue_key = jax.random.split(key)
        params, stats = init_chain(chain_key, online, batch.views[0])
        target = start_target(params, stats, encoder)
        queue = init_queue(queue_key, queue_size, out, len(batch.views[0]))
        return params, {"stats": stats, "target": target, "queue": queue}

    def local(
        params: Params, stats: State, view: Float[Array, "n h w c"], key: KeyArray
    ) -> Combined:
        patch_key, choice_key = jax.random.split(key)
        c, _ = apply_to_combinations(encoder, params, stats, view, k, patch_key)
        if combinations == "one":
            c = jax.random.choice(choice_key, c, (1,), axis=1)
        return jax.lax.stop_gradient(c)

    def contrast(targets, predictions, views) -> Float[Array, ""]:
        losses = [combined_info_nce(targets[i], predictions[j], temperature) for i, j in views]
        return jnp.mean(jnp.stack(losses))

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        online_key, target_key, *local_keys = jax.random.split(key, 4)
        x, fixed, queue = batch.views, state["target"], state["queue"]
        p, stats = apply_in_turn(online, params, state["stats"], x, online_key)
        raw, moving = apply_in_turn(encoder, fixed["params"], fixed["stats"], x[:2], target_key)
        z = {i: nearest(queue, raw[i])[:, None] for i in (0, 1)}
        c = {
            i: local(params, state["stats"], x[i], i_key)
            for i, i_key in zip((0, 2), local_keys, strict=True)
        }
        loss_m = contrast(z, p, MOMENTUM_PAIRS[pairs])
        loss_s = contrast(c, p, STOP_GRADIENT_PAIRS[pairs])
        if coefficient_on == "momentum":
            value = loss_s + coefficient * loss_m
        else:
            value = loss_m + coefficient * loss_s
        queue = enqueue(queue, raw[0], step)
        new_state = {"stats": stats, "target": {**fixed, "stats": moving}, "queue": queue}
        return value, Aux(new_state, {"loss_m": loss_m, "loss_s": loss_s}, p)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        chance, least = math.log(batch_size), least_info_nce(batch_size, temperature)
        scale = 1.0 + coefficient
        causes = "learning rate too high, momentum below 0.9, or a queue of few batches"
        return Expectation(scale * chance, scale * least, 1.05 * scale * chance, causes)

    decay = ema_momentum(momentum, steps)
    return Method(
        init, loss, encode_with(backbone), follow(decay), expect=expect, problems=problems
    )
