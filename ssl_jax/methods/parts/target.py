"""Momentum targets: a copy of the online networks that follows them slowly."""

from collections.abc import Iterable
from typing import Any

import jax
import optax

from ssl_jax.methods.parts.base import Step, UpdateFn
from ssl_jax.types import Params, State


def start_target(params: Params, stats: State, names: Iterable[str]) -> State:
    """A momentum target that begins as a copy of the online networks `names`."""
    names = tuple(names)
    return {"params": {n: params[n] for n in names}, "stats": {n: stats[n] for n in names}}


def momentum_target(target: Params, online: Params, momentum: Any) -> Params:
    """momentum * target + (1 - momentum) * online, over the networks that the target has.

    In float32, whatever the networks compute in: bfloat16 would lose an update of 0.4 %.
    """
    return {
        name: jax.tree.map(
            lambda old, new: momentum * old + (1.0 - momentum) * new, target[name], online[name]
        )
        for name in target
    }


def follow(decay: optax.Schedule) -> UpdateFn:
    """The `Method.update` that moves the parameters of state["target"] towards the online ones.

    After the optimizer's step, which is the same as before the next forward pass. Batch statistics
    of a target are its own, from its own forward passes.
    """

    def update(params: Params, state: State, step: Step) -> tuple[Params, State]:
        moved = momentum_target(state["target"]["params"], params, decay(step))
        return params, {**state, "target": {**state["target"], "params": moved}}

    return update
