"""SupCon: images of a class attract each other as two views of an image do; needs labels.

Khosla et al., "Supervised Contrastive Learning", arXiv 2004.11362, Eq. 2.

    z = g(f(x));   L = SupCon(z_1 .. z_K, labels; T)

All views pass through the network as one batch, as in the official code, whose loss is ours times
T / 0.07.
"""

import math
from collections.abc import Iterator

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import supervised_contrastive
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_together, encode_with, init_chain
from ssl_jax.methods.parts.problems import flat_temperature, heads, view_count
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Temperature, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 128,
    head_norm: HeadNorm = "none",
    temperature: Temperature = 0.1,
) -> Method:
    """SupCon for two or more views.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the embeddings z.
      head_norm: after g's hidden layer, one of `networks.heads.NORMS`.
      temperature: T.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: from `init`, if there are fewer than two views or no such head_norm; from `loss`,
        if there are no labels.
    """
    del steps
    projector = MLP((hidden, out), norm=head_norm, dtype=backbone.dtype)
    chain = {"backbone": backbone, "projector": projector}

    def problems(run: RunFacts) -> Iterator[Problem]:
        if run.labelled is False:
            remedy = "use another data set, or simclr, which needs none"
            yield Problem("name", "supcon", "needs labels; this data set has none", remedy)
        yield from view_count(run)
        yield from heads(run, projector)
        yield from flat_temperature(temperature)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        labels = batch.labels
        refuse(problems(facts_of(batch)._replace(labelled=labels is not None)))
        assert labels is not None
        z, stats = apply_together(chain, params, state["stats"], batch.views, key)
        value = supervised_contrastive(z, labels, temperature)
        return value, Aux({"stats": stats}, {}, z)

    def expect(batch_size: int, views: int) -> Expectation:
        chance = math.log(views * batch_size - 1)
        return Expectation(chance, 0.0, chance, "temperature too high, or a learning rate too high")

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
