"""Alignment and uniformity, optimised directly: views are close, all embeddings far apart.

Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
Uniformity on the Hypersphere", arXiv 2005.10242, section 4.1.

    z_i = g(f(x_i))
    L   = w_a E ||z_1_hat - z_2_hat||^alpha + w_u (U(z_1) + U(z_2)) / 2
    U   = log E exp(-t ||z_hat(x) - z_hat(y)||^2)         over pairs of different images

All views pass through the network as one batch, as in the official code for STL-10, whose weights
and exponents are the defaults. (Its variant of MoCo for ImageNet-100 has w_a = 3 and t = 3.) With
more than two views the means are over all pairs and all views. Deviation: the head, which in the
paper is the end of an AlexNet, is a projector with two layers.
"""

from collections.abc import Iterator
from functools import partial

import jax.numpy as jnp

from ssl_jax import losses
from ssl_jax.errors import Problem, refuse
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_together, encode_with, init_chain
from ssl_jax.methods.parts.pairs import mean_over_pairs
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Exponent, Weight, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 128,
    align_weight: Weight = 1.0,
    align_alpha: Exponent = 2.0,
    uniform_weight: Weight = 1.0,
    uniform_t: Exponent = 2.0,
) -> Method:
    """Alignment and uniformity for two or more views.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the embeddings z.
      align_weight: w_a, weight of the alignment.
      align_alpha: alpha, exponent of the distance in the alignment.
      uniform_weight: w_u, weight of the uniformity.
      uniform_t: t of the uniformity U.

    Returns:
      The method. Its metrics "alignment" and "uniformity" are the terms without weights.

    Raises:
      UserError: from `init`, if there are fewer than two views.
    """
    del steps
    g = MLP((hidden, out), bias=False, final_bias=True, dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": g}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        z, stats = apply_together(chain, params, state["stats"], batch.views, key)
        alignment = mean_over_pairs(partial(losses.alignment, alpha=align_alpha), z)
        uniformity = jnp.mean(jnp.stack([losses.uniformity(view, uniform_t) for view in z]))
        value = align_weight * alignment + uniform_weight * uniformity
        metrics = {"alignment": alignment, "uniformity": uniformity}
        return value, Aux({"stats": stats}, metrics, z)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        # The mean squared distance of N unit vectors is at most 2 N / (N - 1).
        low = -uniform_weight * uniform_t * 2.0 * batch_size / max(batch_size - 1, 1)
        # 0 where all embeddings are the same, which is roughly where a random network starts.
        return Expectation(0.0, low, 0.0, "uniform_weight too low for align_weight")

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
