"""NNCLR: the positive of an image is its nearest neighbour in a queue of earlier embeddings.

Dwibedi et al., "With a Little Help from My Friends: Nearest-Neighbor Contrastive Learning of
Visual Representations", arXiv 2104.14548, Eq. 3 and 4.

    z_i = g(f(x_i)),  p_i = h(z_i),  nn(z) = argmax over q in Q of cos(z, q)
    L   = 1/2 [InfoNCE(nn(z_1), p_2; T) + InfoNCE(nn(z_2), p_1; T)];   then z_1 enters the queue

Rows are neighbours, columns are predictions: each neighbour has to tell its own image's prediction
apart from those of the whole batch. (Other implementations add the loss with rows and columns
exchanged.) There is no momentum network: neighbours are those of the online z, without gradient.
The queue starts as random unit vectors, and the loss says little until it has been filled once.
"""

import math
from collections.abc import Iterator

import jax

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import info_nce, least_info_nce, negative_cosine
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.methods.parts.queue import enqueue, init_queue, nearest, queue_problems
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Layers, QueueSize, Temperature, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 256,
    predictor_hidden: Width = 4096,
    projector_layers: Layers = 3,
    temperature: Temperature = 0.1,
    queue_size: QueueSize = 98304,
) -> Method:
    """NNCLR for two views.

    The projector has a BatchNorm after every layer, including the last; linear layers in front of
    one have no bias, which it would cancel. Each view passes through the networks by itself.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the embeddings z and predictions p.
      predictor_hidden: width inside the predictor h.
      projector_layers: number of g's layers.
      temperature: T.
      queue_size: number of embeddings in the queue Q, a multiple of the batch size.

    Returns:
      The method. Its metric "nn_similarity" is the mean cosine of view 1's embeddings and their
      neighbours.

    Raises:
      UserError: from `init`, if queue_size is not a multiple of the batch size, or if there are not
        two views.
    """
    del steps
    widths = (hidden,) * (projector_layers - 1) + (out,)
    g = MLP(widths, final_norm="affine", bias=False, dtype=backbone.dtype)
    h = MLP((predictor_hidden, out), bias=False, final_bias=True, dtype=backbone.dtype)
    encoder = {"backbone": backbone, "projector": g}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run, 2, 2)
        yield from heads(run, g, h)
        yield from queue_problems(queue_size, run)
        yield from flat_temperature(temperature)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        chain_key, queue_key = jax.random.split(key)
        params, stats = init_chain(chain_key, {**encoder, "predictor": h}, batch.views[0])
        queue = init_queue(queue_key, queue_size, out, len(batch.views[0]))
        return params, {"stats": stats, "queue": queue}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        z_key, p_key = jax.random.split(key)
        z, stats = apply_in_turn(encoder, params, state["stats"], batch.views, z_key)
        p, stats = apply_in_turn({"predictor": h}, params, stats, z, p_key)
        nn = [nearest(state["queue"], view) for view in z]
        value = 0.5 * (info_nce(nn[0], p[1], temperature) + info_nce(nn[1], p[0], temperature))
        queue = enqueue(state["queue"], z[0], step)
        metrics = {"nn_similarity": -negative_cosine(z[0], nn[0])}
        return value, Aux({"stats": stats, "queue": queue}, metrics, p)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        chance, least = math.log(batch_size), least_info_nce(batch_size, temperature)
        causes = "queue shorter than a few batches, or a learning rate too high at the start"
        return Expectation(chance, least, 1.1 * chance, causes)

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
