"""VICReg: views agree, every feature varies over the batch, no two features covary.

Bardes, Ponce and LeCun, "VICReg: Variance-Invariance-Covariance Regularization for
Self-Supervised Learning", arXiv 2105.04906, Eq. 6, with the factors of the official code.

    z_i = h(f(x_i))                                   h: the expander
    L   = lambda s(z_1, z_2) + mu (v(z_1) + v(z_2)) / 2 + nu (c(z_1) + c(z_2))

Each view passes through the network by itself. With more than two views L is the mean over all
pairs.
"""

from collections.abc import Iterator

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import vicreg_terms
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Layers, Weight, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 8192,
    out: Width = 8192,
    projector_layers: Layers = 3,
    invariance: Weight = 25.0,
    variance: Weight = 25.0,
    covariance: Weight = 1.0,
) -> Method:
    """VICReg for two or more views.

    The expander is called projector here, as in other methods. It has no biases; the official code
    has some in front of BatchNorms, which undo them.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the expander h.
      out: width of the embeddings z.
      projector_layers: number of h's layers.
      invariance: lambda, weight of the invariance s.
      variance: mu, weight of the variance v. In solo-learn the term is the sum over the views, not
        their mean: its weight 25 is 50 here.
      covariance: nu, weight of the covariance c.

    Returns:
      The method. Its metrics "invariance", "variance" and "covariance" are the terms without
      weights.

    Raises:
      UserError: from `init`, if there are fewer than two views.
    """
    del steps
    h = MLP((hidden,) * (projector_layers - 1) + (out,), bias=False, dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": h}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, h)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        z, stats = apply_in_turn(chain, params, state["stats"], batch.views, key)
        terms = vicreg_terms(z)
        s, v, c = terms
        value = invariance * s + variance * v + covariance * c
        return value, Aux({"stats": stats}, terms._asdict(), z)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        collapsed = 0.99 * variance
        # Over N images, features that do not covary still have covariances of variance 1 / (N - 1).
        noise = 2.0 * covariance * (out - 1) / max(batch_size - 1, 1)
        causes = "variance weight too low, or learning rate too high"
        return Expectation(collapsed, 0.0, collapsed + noise, causes)

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
