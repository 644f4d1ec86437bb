"""Batch fusion in front of any method, by a wrapper of which the method knows nothing.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 3.2 and
Algorithm 1: x2 = BA(aug(x)). The fusion block learns from the method's own loss through the online
branch; targets give it no gradient because methods stop the gradient of their keys. It is not part
of the encoder.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import flax.linen as nn
import jax

from ssl_jax.errors import Problem, refuse
from ssl_jax.methods.parts.base import Aux, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.types import Batch, Params, State


def batch_adaptive(method: Method, fusion: nn.Module, fused: Sequence[int] = (1,)) -> Method:
    """Passes some views through `fusion` before the method sees them.

    Args:
      method: the method to wrap.
      fusion: maps views [N, H, W, C] to fused views of the same shape.
      fused: numbers of the views to fuse, counted from 0.

    Returns:
      The wrapped method.

    Raises:
      UserError: from `init`, if there is no view with such a number.
    """

    def problems(run: RunFacts) -> Iterator[Problem]:
        count = len(run.views)
        if not fused or not all(0 <= view < count for view in fused):
            what = f"must name some of the {count} views, counted from 0"
            yield Problem("/fusion.views", tuple(fused), what)
        yield from method.problems(run)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        fusion_key, method_key = jax.random.split(key)
        variables = fusion.init(fusion_key, batch.views[fused[0]])
        inner, state = method.init(method_key, batch)
        # A block of depth 0 has no parameters.
        return {"fusion": variables.get("params", {}), "method": inner}, state

    def fuse(params: Params, batch: Batch) -> Batch:
        views = tuple(
            fusion.apply({"params": params["fusion"]}, view) if index in fused else view
            for index, view in enumerate(batch.views)
        )
        return batch._replace(views=views)

    def loss(
        params: Params, state: State, batch: Batch, key: KeyArray, step: Step
    ) -> tuple[Any, Aux]:
        return method.loss(params["method"], state, fuse(params, batch), key, step)

    def update(params: Params, state: State, step: Step) -> tuple[Params, State]:
        inner, state = method.update(params["method"], state, step)
        return {**params, "method": inner}, state

    def encode(params: Params, state: State, images: Any) -> Any:
        return method.encode(params["method"], state, images)

    def groups(params: Params) -> Any:
        return {
            "fusion": jax.tree.map(lambda _: "default", params["fusion"]),
            "method": method.groups(params["method"]),
        }

    return Method(init, loss, encode, update, groups, method.expect, problems)
