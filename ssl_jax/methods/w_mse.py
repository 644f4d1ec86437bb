"""W-MSE: views agree after whitening, which rules out collapse.

Ermolov et al., "Whitening for Self-Supervised Representation Learning", arXiv 2007.06346,
section 3, in the form of the official code.

    v_i = g(f(x_i)),  z_i = whitened v_i, each random sub-batch of each view by itself
    L   = mean over all pairs of views of || z_i_hat - z_j_hat ||^2

Both sides of a pair receive gradient (in solo-learn only one does). The sub-batches are drawn anew
in every iteration, the same for all views. Each view passes through the backbone by itself, all
views pass through the head together.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse, require
from ssl_jax.losses import cosine_distance, whiten
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, apply_together, encode_with, init_chain
from ssl_jax.methods.parts.pairs import mean_over_pairs
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.methods.parts.queue import multiple
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Iterations, Range, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 1024,
    out: Width = 64,
    sub_batch: Annotated[int, Range(2, 2**20)] = 128,
    iterations: Iterations = 1,
    eps: Annotated[float, Range(0.0, 1.0)] = 0.0,
) -> Method:
    """W-MSE for two or more views; the paper uses 2 and 4.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      hidden: width inside the projector g.
      out: width of the embeddings v.
      sub_batch: number of images that are whitened together; at least twice `out` in the paper.
      iterations: how often sub-batches are drawn in a step; the loss is the mean.
      eps: share of the identity in the covariance. With 0 the loss is NaN at collapse.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: if the covariance of a sub-batch is singular whatever the images are; from `init`,
        if sub-batches do not divide the batch, or if there are fewer than two views.
    """
    del steps
    whitens = f"must exceed the {out} dimensions to whiten; {2 * out} or more is best"
    require(sub_batch > out or eps > 0.0, "sub_batch", sub_batch, whitens)
    encoder = {"backbone": backbone}
    # Biases would have no effect in front of BatchNorm and whitening.
    head = {"projector": MLP((hidden, out), bias=False, dtype=backbone.dtype)}

    def problems(run: RunFacts) -> Iterator[Problem]:
        size = run.batch_size
        yield from view_count(run)
        yield from heads(run, head["projector"])
        if sub_batch < 2 * out:
            what = f"is below twice the {out} dimensions to whiten, so covariances are noisy"
            yield Problem("sub_batch", sub_batch, what, f"set it to {2 * out} or more", "warning")
        if size % sub_batch:
            remedy = f"set config.batch_size={multiple(size, sub_batch)}"
            yield Problem("sub_batch", sub_batch, f"must divide the batch of {size}", remedy)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, {**encoder, **head}, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        network_key, order_key = jax.random.split(key)
        h, stats = apply_in_turn(encoder, params, state["stats"], batch.views, network_key)
        v, stats = apply_together(head, params, stats, h, network_key)
        stacked = jnp.stack(v, axis=1)
        values = []
        for iteration in range(iterations):
            shuffle_key = jax.random.fold_in(order_key, iteration)
            order = jax.random.permutation(shuffle_key, len(stacked))
            z = whiten_sub_batches(stacked[order], sub_batch, eps)
            values.append(mean_over_pairs(cosine_distance, [z[:, i] for i in range(len(v))]))
        return jnp.mean(jnp.stack(values)), Aux({"stats": stats}, {}, v)

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        causes = f"sub_batch ({sub_batch}) below twice out ({out}), or learning rate too high"
        return Expectation(2.0, 0.0, 2.0, causes)

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)


def whiten_sub_batches(
    embeddings: Float[Array, "n k d"], size: int, eps: float
) -> Float[Array, "n k d"]:
    """Whitens each `size` consecutive rows, each of the K views by itself."""
    sub_batches = embeddings.reshape(-1, size, *embeddings.shape[1:])
    each_view = jax.vmap(partial(whiten, eps=eps), in_axes=1, out_axes=1)
    return jax.vmap(each_view)(sub_batches).reshape(embeddings.shape)
