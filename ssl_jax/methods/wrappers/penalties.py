"""Dispersive penalties on the embeddings of any method, by a wrapper of which it knows nothing.

MSBReg's Brownian diffusion and singular value losses added to other methods (Moon et al., arXiv
2207.03552, Tables 6, 8, 11 and 13), the uniformity loss (Wang and Isola, arXiv 2005.10242) as in
its Table 12, and LeJEPA's SIGReg (arXiv 2511.08544).

    L = L_method + sum of weight * penalty(Aux.embeddings)
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ssl_jax import losses
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, Step
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Weight
from ssl_jax.types import Batch, Embeddings, Params, State

# Folded into the key; far from the small numbers that methods fold into their own keys.
KEY_OF_PENALTIES = 2**31 - 1


@checked
def regularized(
    method: Method,
    *,
    brownian: Weight = 0.0,
    singular_value: Weight = 0.0,
    uniformity: Weight = 0.0,
    sigreg: Weight = 0.0,
) -> Method:
    """Adds penalties to the loss of a method.

    The method draws the same random numbers as without them.

    Args:
      method: the method to wrap.
      brownian: weight of `losses.brownian`.
      singular_value: weight of `losses.singular_value`.
      uniformity: weight of `losses.uniformity`, mean over the views.
      sigreg: weight of `losses.sigreg`, mean over the views.

    Returns:
      The wrapped method, or `method` itself if all weights are 0. Its metrics include the penalties
      without their weights, as penalty_brownian and so on.

    Raises:
      UserError: for a weight out of range.
    """
    weights = {
        "brownian": brownian,
        "singular_value": singular_value,
        "uniformity": uniformity,
        "sigreg": sigreg,
    }
    if not any(weights.values()):
        return method

    def penalties(
        embeddings: tuple[Embeddings, ...], key: KeyArray
    ) -> Iterator[tuple[str, Float[Array, ""]]]:
        if brownian:
            yield "brownian", losses.brownian(embeddings, key)
        if singular_value:
            yield "singular_value", losses.singular_value(embeddings)
        if uniformity:
            views = [losses.uniformity(view) for view in embeddings]
            yield "uniformity", jnp.mean(jnp.stack(views))
        if sigreg:
            # A key of its own: the other penalties draw what they drew without it.
            views = [losses.sigreg(view, jax.random.fold_in(key, 1)) for view in embeddings]
            yield "sigreg", jnp.mean(jnp.stack(views))

    def loss(
        params: Params, state: State, batch: Batch, key: KeyArray, step: Step
    ) -> tuple[Float[Array, ""], Aux]:
        value, aux = method.loss(params, state, batch, key, step)
        metrics = dict(aux.metrics)
        for name, penalty in penalties(aux.embeddings, jax.random.fold_in(key, KEY_OF_PENALTIES)):
            value += weights[name] * penalty
            metrics[f"penalty_{name}"] = penalty
        return value, aux._replace(metrics=metrics)

    def expect(batch_size: int, views: int) -> Expectation:
        # The loss is on a different scale now.
        return Expectation(causes=method.expect(batch_size, views).causes)

    return method._replace(loss=loss, expect=expect)
