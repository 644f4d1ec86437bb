"""SimSiam: predict one view from another through one network; only a stop-gradient, no target.

Chen and He, "Exploring Simple Siamese Representation Learning", arXiv 2011.10566, Algorithm 1.

    z_i = g(f(x_i)),  p_i = h(z_i)
    L   = 1/2 D(p_1, sg(z_2)) + 1/2 D(p_2, sg(z_1)),    D(p, z) = -cos(p, z)

Each view passes through the network by itself. With more than two views L is the mean over all
ordered pairs. The predictor keeps the peak learning rate (section 4.2: a decaying one is slightly
worse).
"""

from collections.abc import Iterator

import jax

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import negative_cosine
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, group_networks, init_chain
from ssl_jax.methods.parts.pairs import cross_view
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Layers, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 2048,
    projector_layers: Layers = 3,
    predictor_hidden: Width = 512,
) -> Method:
    """SimSiam for two or more views.

    The official projector is as wide as the backbone's features, which is 2048 for its ResNet-50.
    The BatchNorm after it has neither scale nor bias; the predictor has none at its output.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the projections z and predictions p.
      projector_layers: number of g's layers; the paper uses two on CIFAR.
      predictor_hidden: width inside the predictor h.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: from `init`, if there are fewer than two views.
    """
    del steps
    widths = (hidden,) * (projector_layers - 1) + (out,)
    g = MLP(widths, final_norm="plain", bias=False, dtype=backbone.dtype)
    h = MLP((predictor_hidden, out), bias=False, final_bias=True, dtype=backbone.dtype)
    encoder, predictor = {"backbone": backbone, "projector": g}, {"predictor": h}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g, h)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, {**encoder, **predictor}, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        z, stats = apply_in_turn(encoder, params, state["stats"], batch.views, key)
        p, stats = apply_in_turn(predictor, params, stats, z, key)
        total = cross_view(negative_cosine, p, jax.lax.stop_gradient(z))
        value = total / (len(z) * (len(z) - 1))
        return value, Aux({"stats": stats}, {}, p)

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        # -1 is collapse.
        return Expectation(0.0, -0.995, 0.0, "learning rate too high for the batch size")

    groups = group_networks(predictor="constant")
    return Method(
        init, loss, encode_with(backbone), groups=groups, expect=expect, problems=problems
    )
