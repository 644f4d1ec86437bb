"""Barlow Twins: the features of two views are equal, and no two features are redundant.

Zbontar et al., "Barlow Twins: Self-Supervised Learning via Redundancy Reduction",
arXiv 2103.03230, Eq. 1 and 2.

    z_i = g(f(x_i)),  C = correlation over the batch of the features of z_1 with those of z_2
    L   = s (sum_i (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2)

Each view passes through the network by itself. With more than two views L is the mean over all
pairs.
"""

from collections.abc import Iterator
from functools import partial

from ssl_jax import losses
from ssl_jax.errors import Problem, refuse
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.methods.parts.pairs import mean_over_pairs
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Factor, Layers, Weight, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 8192,
    out: Width = 8192,
    projector_layers: Layers = 3,
    off_diagonal_weight: Weight = 0.0051,
    scale: Factor = 1.0,
) -> Method:
    """Barlow Twins for two or more views.

    The projector has no biases, and no BatchNorm after the last layer, as the loss standardises.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the embeddings z.
      projector_layers: number of g's layers.
      off_diagonal_weight: lambda, weight of the redundancy.
      scale: s, which matters with SGD and hardly with LARS; solo-learn uses 0.1.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: from `init`, if there are fewer than two views.
    """
    del steps
    g = MLP((hidden,) * (projector_layers - 1) + (out,), bias=False, dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": g}
    barlow_twins = partial(losses.barlow_twins, off_diagonal_weight=off_diagonal_weight)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        z, stats = apply_in_turn(chain, params, state["stats"], batch.views, key)
        value = scale * mean_over_pairs(barlow_twins, z)
        return value, Aux({"stats": stats}, {}, z)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        # Correlations of unrelated features over N images have variance 1 / (N - 1).
        noise = out * (1.0 + off_diagonal_weight * (out - 1)) / max(batch_size - 1, 1)
        chance = scale * (out + noise)
        return Expectation(chance, 0.0, chance, "learning rate too high, especially that of biases")

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
