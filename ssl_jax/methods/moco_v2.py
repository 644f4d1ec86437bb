"""MoCo v2: tell the momentum key of an image apart from a queue of keys of earlier batches.

He et al., arXiv 1911.05722 (Algorithm 1); Chen et al., "Improved Baselines with Momentum
Contrastive Learning", arXiv 2003.04297.

    q = g(f(x_q)),  k = g_m(f_m(x_k));   L = InfoNCE(q, k; queue, T);   then k enters the queue

In the one-sided form the query is the second view and the key is the first: the view that batch
fusion transforms by default is then the one with a gradient. In the symmetric form each view is
query and key in turn, the two losses are added as in the official CIFAR notebook, and each view
has its own queue (the notebook has one for both).

If BatchNorm in the key network sees the same images as in the query network, batch statistics are
enough to solve the task. The official code therefore shuffles keys over devices. Here `shuffle`
permutes the batch for the key network; it matters only if the backbone's BatchNorm has more than
one group.
"""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import info_nce
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_chain, encode_with, init_chain
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.methods.parts.queue import enqueue, init_queue, queue_problems
from ssl_jax.methods.parts.target import follow, slow_target, start_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.optim.schedules import ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import QueueSize, Share, Temperature, Width
from ssl_jax.types import Batch, Embeddings, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 128,
    temperature: Temperature = 0.2,
    momentum: Share = 0.999,
    queue_size: QueueSize = 65536,
    symmetric: bool = False,
    shuffle: bool = True,
) -> Method:
    """MoCo v2 for two views.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used, as the momentum is constant.
      hidden: width inside the projector g.
      out: width of the queries q and keys k.
      temperature: T.
      momentum: decay of the target.
      queue_size: number of keys in a queue, a multiple of the batch size.
      symmetric: each view is query and key in turn.
      shuffle: permute the batch for the key network.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: for a momentum out of range; from `init`, if queue_size is not a multiple of the
        batch size, or if there are not two views.
    """
    g = MLP((hidden, out), norm="none", dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": g}
    # (query view, key view), each pair with its own queue.
    directions = ((1, 0), (0, 1)) if symmetric else ((1, 0),)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run, 2, 2)
        yield from heads(run, g)
        yield from queue_problems(queue_size, run)
        yield from flat_temperature(temperature)
        yield from slow_target(momentum, run)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(jax.random.fold_in(key, 0), chain, batch.views[0])
        queues = [
            init_queue(jax.random.fold_in(key, 1 + i), queue_size, out, len(batch.views[0]))
            for i in range(len(directions))
        ]
        target = start_target(params, stats, chain)
        return params, {"stats": stats, "target": target, "queues": jnp.stack(queues)}

    def keys_of(
        state: State, stats: State, view: Float[Array, "n h w c"], key: KeyArray
    ) -> tuple[Embeddings, State]:
        key, shuffle_key = jax.random.split(key)
        count = len(view)
        order = jax.random.permutation(shuffle_key, count) if shuffle else jnp.arange(count)
        k, stats = apply_chain(chain, state["target"]["params"], stats, view[order], key)
        return jax.lax.stop_gradient(k[jnp.argsort(order)]), stats

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        stats, moving = state["stats"], state["target"]["stats"]
        value, queues, queries = jnp.zeros(()), [], {}
        for i, (query, other) in enumerate(directions):
            q_key, k_key = jax.random.split(jax.random.fold_in(key, i))
            q, stats = apply_chain(chain, params, stats, batch.views[query], q_key)
            k, moving = keys_of(state, moving, batch.views[other], k_key)
            value += info_nce(q, k, temperature, state["queues"][i])
            queues.append(enqueue(state["queues"][i], k, step))
            queries[query] = q
        target = {**state["target"], "stats": moving}
        new_state = {"stats": stats, "target": target, "queues": jnp.stack(queues)}
        return value, Aux(new_state, {}, tuple(queries[view] for view in sorted(queries)))

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        chance = len(directions) * math.log(1 + queue_size)
        causes = (
            "momentum too low, or BatchNorm of the keys in one group (batch_norm_groups, shuffle)"
        )
        return Expectation(chance, 0.0, 1.1 * chance, causes)

    decay = ema_momentum(momentum, steps)
    return Method(
        init, loss, encode_with(backbone), follow(decay), expect=expect, problems=problems
    )
