"""Momentum targets: a copy of the online networks that follows them slowly."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import optax

from ssl_jax.errors import Number, Problem
from ssl_jax.methods.parts.base import RunFacts, Step, UpdateFn
from ssl_jax.types import Params, State


def start_target(params: Params, stats: State, names: Iterable[str]) -> State:
    """A momentum target that starts as a copy of the online networks `names`."""
    names = tuple(names)
    return {"params": {n: params[n] for n in names}, "stats": {n: stats[n] for n in names}}


def momentum_target(target: Params, online: Params, momentum: Any) -> Params:
    """momentum * target + (1 - momentum) * online, over the networks that the target has.

    In float32, whatever dtype the networks compute in: bfloat16 would lose an update of 0.4 %.
    """
    return {
        name: jax.tree.map(
            lambda old, new: momentum * old + (1.0 - momentum) * new, target[name], online[name]
        )
        for name in target
    }


def follow(decay: optax.Schedule) -> UpdateFn:
    """`Method.update` that moves the parameters of state["target"] towards the online ones.

    It runs after the optimizer's step, which is the same as before the next forward pass. The batch
    statistics of a target are its own, from its own forward passes.
    """

    def update(params: Params, state: State, step: Step) -> tuple[Params, State]:
        moved = momentum_target(state["target"]["params"], params, decay(step))
        return params, {**state, "target": {**state["target"], "params": moved}}

    return update


def slow_target(momentum: Number, run: RunFacts) -> Iterator[Problem]:
    """A target that follows too slowly for the length of the run.

    It then teaches little more than its random start.
    """
    reach = 1.0 / (1.0 - momentum) if momentum < 1.0 else math.inf
    # Targets were observed to teach up to this share (the bare DINO has 0.7).
    if run.steps and reach > 0.75 * run.steps:
        what = f"makes the target average over {reach:.0f} steps, in a run of {run.steps}"
        yield Problem("momentum", momentum, what, "train for longer, or lower it", "warning")
