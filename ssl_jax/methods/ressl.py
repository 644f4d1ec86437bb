"""ReSSL: a student sees how an image lies to many others as its teacher does.

Zheng et al., "ReSSL: Relational Self-Supervised Learning with Weak Augmentation", arXiv 2107.09282,
Eq. 3 to 5.

    k = g_m(f_m(x_1)),  q = g(f(x_2));   L = H(softmax(k queue / T_k), softmax(q queue / T))

The teacher, a momentum target, sees the first view, which is augmented weakly, and the student the
second. Then k enters the queue. The official code shuffles the keys' batch over devices; here
BatchNorm sees the whole batch, and there is nothing to hide from it.
"""

import math
from collections.abc import Iterator

import jax

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import relational_consistency
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_chain, encode_with, init_chain
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.methods.parts.queue import enqueue, init_queue, queue_problems
from ssl_jax.methods.parts.target import follow, slow_target, start_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.optim.schedules import EmaSchedule, ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import QueueSize, Share, Temperature, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 4096,
    out: Width = 512,
    head_norm: HeadNorm = "none",
    temperature: Temperature = 0.1,
    key_temperature: Temperature = 0.04,
    momentum: Share = 0.999,
    momentum_schedule: EmaSchedule = "constant",
    queue_size: QueueSize = 131072,
) -> Method:
    """ReSSL for two views, the first of which should be the weak one.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run, for the schedule of the momentum.
      hidden: width inside the projector g.
      out: width of q and k.
      head_norm: after g's hidden layer, one of `networks.heads.NORMS`.
      temperature: T, of the student.
      key_temperature: T_k, of the teacher; lower than T.
      momentum: decay of the target, at the start of the run.
      momentum_schedule: "constant", or "cosine", which rises to 1.
      queue_size: number of keys in the queue, a multiple of the batch size.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: for an option out of range; from `init`, if queue_size is not a multiple of the
        batch size, or if there are not two views.
    """
    g = MLP((hidden, out), norm=head_norm, dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": g}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run, 2, 2)
        yield from heads(run, g)
        yield from queue_problems(queue_size, run)
        yield from flat_temperature(temperature)
        yield from slow_target(momentum, run)
        if key_temperature >= temperature:
            what = f"must be lower than the temperature {temperature}, or targets are flat"
            yield Problem("key_temperature", key_temperature, what, level="warning")

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(jax.random.fold_in(key, 0), chain, batch.views[0])
        queue = init_queue(jax.random.fold_in(key, 1), queue_size, out, len(batch.views[0]))
        return params, {
            "stats": stats,
            "target": start_target(params, stats, chain),
            "queue": queue,
        }

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        weak, strong = batch.views
        q_key, k_key = jax.random.split(key)
        target = state["target"]
        q, stats = apply_chain(chain, params, state["stats"], strong, q_key)
        k, moving = apply_chain(chain, target["params"], target["stats"], weak, k_key)
        k = jax.lax.stop_gradient(k)
        value = relational_consistency(q, k, state["queue"], temperature, key_temperature)
        new_state = {
            "stats": stats,
            "target": {**target, "stats": moving},
            "queue": enqueue(state["queue"], k, step),
        }
        return value, Aux(new_state, {}, (q,))

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        chance = math.log(queue_size)
        causes = "key_temperature not below temperature, or momentum too low"
        return Expectation(chance, 0.0, 1.5 * chance, causes)

    decay = ema_momentum(momentum, steps, momentum_schedule)
    return Method(
        init, loss, encode_with(backbone), follow(decay), expect=expect, problems=problems
    )
