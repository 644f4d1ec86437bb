"""The ways to run the step of a case: ssl_jax, PyTorch eager, compiled, and captured.

PyTorch is imported only where it is used, so that the command can say how to install it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from ssl_jax.devices.hardware import program_memory
from ssl_jax.run import speed
from ssl_jax.setup.build import Setup
from ssl_jax.training.step import Examples
from ssl_jax.types import Config

KINDS = AUGMENTED, READY = "with augmentation", "ready views"


class Side(NamedTuple):
    """One way to run the step of a case.

    calls: one step, by kind. wait: returns when the result of a call is there. loss: of the first
    step on ready views. memory: bytes of the step with augmentation. step: PyTorch's, not captured.
    """

    calls: dict[str, Callable[[], Any]]
    wait: Callable[[Any], Any]
    loss: float | None = None
    memory: int | None = None
    step: Any = None


def ready_views(setup: Setup) -> tuple[Examples, tuple[jax.Array, ...]]:
    """The first batch of images, and its views."""
    feed = setup.trainer.feed
    examples = jax.jit(feed.gather)(feed.constants, feed.inputs(0, 1))
    keys = jax.random.split(jax.random.key(0), len(examples.images))
    return examples, jax.jit(setup.model.augment)(keys, examples.images)


def ours(setup: Setup, ready: Examples) -> Side:
    """ssl_jax: the step as training runs it; `ready` holds views in place of images."""
    feed = setup.trainer.feed
    constants, indices = feed.constants, feed.inputs(0, 1)
    program = setup.trainer.lower().compile()
    calls = {
        AUGMENTED: speed.repeatable(
            setup.trainer.init(), lambda train, rows: program(train, constants, rows), indices
        ),
        READY: speed.repeatable(setup.trainer.init(), speed.ready_step(setup.model), ready),
    }
    memory = round(program_memory(program))
    return Side(calls, jax.block_until_ready, float(calls[READY]()["loss"]), memory)


def theirs(config: Config, setup: Setup, examples: Examples, views: Any, mode: str | None) -> Side:
    """PyTorch, compiled in this `mode` of torch.compile, or eager if it is None."""
    import torch
    from torch_side.step import Step

    on_cuda = torch.cuda.is_available()
    before = torch.cuda.memory_allocated() if on_cuda else 0
    start = setup.trainer.init()
    step = Step(
        config,
        setup,
        jax.device_get((start.params, start.state)),
        mode=mode,
        images=setup.data.splits.train.images,
        indices=np.asarray(examples.indices),
        views=jax.device_get(views),
    )
    calls = {AUGMENTED: partial(step, step.augmented), READY: partial(step, step.ready)}
    loss = calls[READY]().item()
    calls[AUGMENTED]()
    if not on_cuda:
        return Side(calls, lambda result: result, loss, None, step)
    # Leaves out the memory of compilation and autotuning, and that of the ready views.
    torch.cuda.reset_peak_memory_stats()
    calls[AUGMENTED]()
    memory = torch.cuda.max_memory_allocated() - before - sum(v.nbytes for v in step.views)
    return Side(calls, lambda _: torch.cuda.synchronize(), loss, memory, step)


def captured(step: Any) -> Side:
    """The compiled step of PyTorch in a CUDA graph."""
    import torch
    from torch_side.cuda_graph import cuda_graph

    works = {AUGMENTED: step.augmented, READY: step.ready}
    calls = {kind: partial(step, cuda_graph(work)) for kind, work in works.items()}
    return Side(calls, lambda _: torch.cuda.synchronize())
