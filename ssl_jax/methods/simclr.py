"""SimCLR: both views pass through one network, with NT-Xent between them.

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations",
arXiv 2002.05709; the loss is Eq. 1.

    h = f(x),  z = g(h);  L = NT-Xent(z_1, z_2; T)

Both views pass through the network as one batch and share their batch statistics, as in the
official code. The loss is the mean over the 2N anchors (the official code adds the two directions,
which is twice this). With more than two views it is the mean over all pairs.
"""

import math
from collections.abc import Iterator
from functools import partial

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import nt_xent
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_together, encode_with, init_chain
from ssl_jax.methods.parts.pairs import mean_over_pairs
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Layers, Temperature, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 128,
    layers: Layers = 2,
    head_norm: HeadNorm = "batch",
    temperature: Temperature = 0.5,
) -> Method:
    """SimCLR for two or more views.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the embeddings z.
      layers: number of g's layers.
      head_norm: one of `networks.heads.NORMS`. With "batch" there is a BatchNorm after every layer
        of g, including the last (there without bias), and linear layers have no biases: version 2
        of the official code. Other normalisations follow hidden layers only, which have biases;
        with "none" the head is that of lightly and solo-learn.
      temperature: T.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: from `init`, if there are fewer than two views or no such head_norm.
    """
    del steps
    widths = (hidden,) * (layers - 1) + (out,)
    projector = MLP(
        widths,
        norm=head_norm,
        final_norm="scale" if head_norm == "batch" else None,
        bias=head_norm != "batch",
        dtype=backbone.dtype,
    )
    chain = {"backbone": backbone, "projector": projector}

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, projector)
        yield from flat_temperature(temperature)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        z, stats = apply_together(chain, params, state["stats"], batch.views, key)
        value = mean_over_pairs(partial(nt_xent, temperature=temperature), z)
        return value, Aux({"stats": stats}, {}, z)

    def expect(batch_size: int, views: int) -> Expectation:
        del views
        chance = math.log(2 * batch_size - 1)
        causes = "temperature too high, or a learning rate too high at the start"
        return Expectation(chance, 0.0, chance, causes)

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
