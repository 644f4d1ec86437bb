"""LeJEPA: views agree with their mean, and embeddings follow an isotropic normal distribution.

Balestriero and LeCun, "LeJEPA: Provable and Scalable Self-Supervised Learning Without the
Heuristics", arXiv 2511.08544, Algorithm 2.

    z_v = g(f(x_v)),  m = mean over the first G views of z_v
    L   = (1 - lambda) mean_v |z_v - m|^2 / d  +  lambda mean_v SIGReg(z_v)

There is no teacher, no stop-gradient and no predictor. Each view passes through the network by
itself, so that views may have several sizes.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import sigreg
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Count, CountOrNone, Share, Width
from ssl_jax.types import Batch, Params, State

# At collapse SIGReg is this times the batch.
COLLAPSED = 0.41


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 128,
    head_norm: HeadNorm = "batch",
    coefficient: Share = 0.05,
    slices: Count = 256,
    centre_views: CountOrNone = 0,
) -> Method:
    """LeJEPA for two or more views of any sizes.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g, of three layers.
      out: width of the embeddings z.
      head_norm: after g's hidden layers, one of `networks.heads.NORMS`.
      coefficient: lambda.
      slices: number of directions of SIGReg, drawn anew in every step.
      centre_views: G, the first of the views, whose mean all are compared with; 0: all of them.

    Returns:
      The method. Its metrics "invariance" and "sigreg" are the terms without weights.

    Raises:
      UserError: from `init`, if there are fewer than two views, or fewer than centre_views.
    """
    del steps
    g = MLP((hidden, hidden, out), norm=head_norm, dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": g}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g)
        if run.views and centre_views > len(run.views):
            what = f"is more than the {len(run.views)} views"
            yield Problem("centre_views", centre_views, what, "set it to 0 for all of them")

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        network_key, slices_key = jax.random.split(key)
        z, stats = apply_in_turn(chain, params, state["stats"], batch.views, network_key)
        views = jnp.stack([view.astype(jnp.float32) for view in z])
        centre = views[: centre_views or len(z)].mean(axis=0, keepdims=True)
        invariance = jnp.mean((views - centre) ** 2)
        # The same directions for all views, as in the paper.
        spread = jnp.mean(jnp.stack([sigreg(view, slices_key, slices=slices) for view in views]))
        value = (1.0 - coefficient) * invariance + coefficient * spread
        return value, Aux({"stats": stats}, {"invariance": invariance, "sigreg": spread}, z)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        collapsed = coefficient * COLLAPSED * batch_size
        return Expectation(None, 0.0, max(collapsed, 2.0), "coefficient or learning rate too high")

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
