"""What a self-supervised method is: a handful of pure functions over two pytrees."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import Array, Float, Int, Key

from ssl_jax.errors import Number, Problem
from ssl_jax.types import Batch, Params, State

KeyArray = Key[Array, ""]
Step = Int[Array, ""]


class Aux(NamedTuple):
    """What `Method.loss` returns beside the loss.

    state: the new state (batch statistics, queues); same structure as the one passed in.
    metrics: scalars to log.
    embeddings: the online outputs before normalisation, one [N, d] per view. A regulariser that
      wraps a method works on these.
    """

    state: State
    metrics: dict[str, Float[Array, ""]]
    embeddings: tuple[Float[Array, "n d"], ...]


@runtime_checkable
class InitFn(Protocol):
    def __call__(self, key: KeyArray, batch: Batch) -> tuple[Params, State]:
        """Parameters and state. `batch` has the global batch size; only its shapes are used.

        Called once, under jit: eager initialisation would alias online and target buffers, and
        a donated train state must not hold the same buffer twice.
        """
        ...


@runtime_checkable
class LossFn(Protocol):
    def __call__(
        self, params: Params, state: State, batch: Batch, key: KeyArray, step: Step
    ) -> tuple[Float[Array, ""], Aux]:
        """The loss of one batch; differentiated with respect to `params` in every train step."""
        ...


@runtime_checkable
class UpdateFn(Protocol):
    def __call__(self, params: Params, state: State, step: Step) -> tuple[Params, State]:
        """Called after the optimizer: momentum targets, prototypes back to unit norm."""
        ...


@runtime_checkable
class EncodeFn(Protocol):
    def __call__(
        self, params: Params, state: State, images: Float[Array, "n h w c"]
    ) -> Float[Array, "n d"]:
        """Frozen features of images in [0, 1]; all that evaluation sees of a method.

        The features of an image do not depend on the other images of the batch.
        """
        ...


@runtime_checkable
class GroupsFn(Protocol):
    def __call__(self, params: Params) -> Any:
        """A pytree like `params` whose leaves are the names of optimizer groups.

        "default" follows the schedule; `optim` lists the other names.
        """
        ...


class Expectation(NamedTuple):
    """What the loss of a healthy run looks like.

    chance: the loss while embeddings say nothing about their image; None: not known.
    low, high: where the loss lies later on; training that works has it within.
    causes: what to look at first when a run of this method collapses.
    """

    chance: float | None = None
    low: float = -math.inf
    high: float = math.inf
    causes: str = ""


@runtime_checkable
class ExpectFn(Protocol):
    def __call__(self, batch_size: int, views: int) -> Expectation:
        """What to expect of a run with batches of so many images, and views of each."""
        ...


class Recipe(NamedTuple):
    """The settings of a configuration file, before anything was changed on the command line."""

    batch_size: int
    views: int
    learning_rate: Number


class RunFacts(NamedTuple):
    """What a method can know of a run before it starts; None where it is not known.

    batch_size: images per step, over all devices.
    views: sides of the views in pixels, in their order.
    images: number of training images.
    classes: number of their classes; labelled: whether they have labels.
    steps, epochs: length of the run; freeze_epochs: how long "frozen_at_first" stays frozen.
    learning_rate: before it is scaled with the batch.
    recipe: what the configuration began as.
    """

    batch_size: int
    views: tuple[int, ...]
    images: int | None = None
    classes: int | None = None
    labelled: bool | None = None
    steps: int | None = None
    epochs: Number | None = None
    freeze_epochs: Number | None = None
    learning_rate: Number | None = None
    recipe: Recipe | None = None


def facts_of(batch: Batch) -> RunFacts:
    """What a batch says of its run."""
    return RunFacts(len(batch.views[0]), tuple(view.shape[1] for view in batch.views))


@runtime_checkable
class ProblemsFn(Protocol):
    def __call__(self, run: RunFacts) -> Iterator[Problem]:
        """What is wrong with the method's options in such a run; keys are options of `make`.

        Called before anything is read or compiled, and by `init` with what its batch says.
        """
        ...


def no_problems(run: RunFacts) -> Iterator[Problem]:
    """The `problems` of a method that suits every run."""
    del run
    yield from ()


def keep(params: Params, state: State, step: Step) -> tuple[Params, State]:
    """The `update` of a method that has nothing to do after the optimizer."""
    del step
    return params, state


def one_group(params: Params) -> Any:
    """The `groups` of a method whose parameters all follow the schedule."""
    return jax.tree.map(lambda _: "default", params)


def no_expectation(batch_size: int, views: int) -> Expectation:
    """The `expect` of a method whose loss has no known scale."""
    del batch_size, views
    return Expectation()


class Method(NamedTuple):
    """A self-supervised method; see the protocols for each slot."""

    init: InitFn
    loss: LossFn
    encode: EncodeFn
    update: UpdateFn = keep
    groups: GroupsFn = one_group
    expect: ExpectFn = no_expectation
    problems: ProblemsFn = no_problems
