"""The interface of a self-supervised method: a few pure functions over two pytrees."""

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
    """Everything that `Method.loss` returns besides the loss.

    state: the new state (batch statistics, queues), with the structure of the one passed in.
    metrics: scalars to log.
    embeddings: the online outputs before normalisation, one [N, d] per view. Regularisers that
      wrap a method work on these.
    """

    state: State
    metrics: dict[str, Float[Array, ""]]
    embeddings: tuple[Float[Array, "n d"], ...]


@runtime_checkable
class InitFn(Protocol):
    def __call__(self, key: KeyArray, batch: Batch) -> tuple[Params, State]:
        """Makes parameters and state.

        It is called once, under jit: eager initialisation would alias online and target buffers,
        and a donated train state must not hold the same buffer twice.

        Args:
          key: random key.
          batch: only its shapes are used; it has the global batch size.

        Returns:
          Parameters, which the optimizer updates, and the state.
        """
        ...


@runtime_checkable
class LossFn(Protocol):
    def __call__(
        self, params: Params, state: State, batch: Batch, key: KeyArray, step: Step
    ) -> tuple[Float[Array, ""], Aux]:
        """The loss of one batch; differentiated with respect to `params` in every training step.

        Args:
          params: parameters.
          state: the state before this step.
          batch: views of the images, and labels if there are any.
          key: random key, a new one in every step.
          step: number of the step, from 0.

        Returns:
          The loss and everything else that the step produces.
        """
        ...


@runtime_checkable
class UpdateFn(Protocol):
    def __call__(self, params: Params, state: State, step: Step) -> tuple[Params, State]:
        """Changes parameters and state after the optimizer.

        Examples are momentum targets, and prototypes that return to unit norm.

        Args:
          params: parameters as the optimizer left them.
          state: the state as `loss` returned it.
          step: number of the step, from 0.

        Returns:
          The new parameters and the new state.
        """
        ...


@runtime_checkable
class EncodeFn(Protocol):
    def __call__(
        self, params: Params, state: State, images: Float[Array, "n h w c"]
    ) -> Float[Array, "n d"]:
        """Frozen features, the only part of a method that evaluation sees.

        The features of an image do not depend on the other images of the batch.

        Args:
          params: parameters.
          state: state.
          images: [N, H, W, C] in [0, 1].

        Returns:
          Features [N, d].
        """
        ...


@runtime_checkable
class GroupsFn(Protocol):
    def __call__(self, params: Params) -> Any:
        """Puts parameters into optimizer groups.

        Args:
          params: parameters.

        Returns:
          A pytree like `params` whose leaves are names of groups. "default" follows the schedule;
          `optim.groups.by_group` lists the others.
        """
        ...


class Expectation(NamedTuple):
    """The expected range of the loss in a healthy run.

    chance: the loss while embeddings say nothing about their image; None if unknown.
    low: lower end of the range in which the loss lies once training works.
    high: upper end of that range.
    causes: what to check first when a run of this method collapses.
    """

    chance: float | None = None
    low: float = -math.inf
    high: float = math.inf
    causes: str = ""


@runtime_checkable
class ExpectFn(Protocol):
    def __call__(self, batch_size: int, views: int) -> Expectation:
        """The loss to expect of a run.

        Args:
          batch_size: images per step.
          views: number of views per image.

        Returns:
          The expectation.
        """
        ...


class Recipe(NamedTuple):
    """Settings of a configuration file, before any change on the command line.

    batch_size: images per step.
    views: number of views per image.
    learning_rate: before it is scaled with the batch.
    """

    batch_size: int
    views: int
    learning_rate: Number


class RunFacts(NamedTuple):
    """Everything a method can know about a run before it starts; None for what is unknown.

    batch_size: images per step, over all devices.
    views: sides of the views in pixels, in their order.
    images: number of training images.
    classes: number of their classes.
    labelled: whether they have labels.
    steps: length of the run.
    epochs: length of the run.
    freeze_epochs: how long the group "frozen_at_first" stays frozen.
    learning_rate: before it is scaled with the batch.
    recipe: settings that the configuration started from.
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
    """The facts of a run that its batch reveals."""
    return RunFacts(len(batch.views[0]), tuple(view.shape[1] for view in batch.views))


@runtime_checkable
class ProblemsFn(Protocol):
    def __call__(self, run: RunFacts) -> Iterator[Problem]:
        """Problems of the method's options in a run.

        Called before anything is read or compiled, and by `init` with the facts of its batch.

        Args:
          run: the facts that are known.

        Yields:
          Problems whose keys are options of `make`.
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
    """A self-supervised method; the protocols above describe its fields.

    init: makes parameters and state.
    loss: the loss of one batch.
    encode: frozen features.
    update: changes parameters and state after the optimizer.
    groups: puts parameters into optimizer groups.
    expect: the loss to expect.
    problems: problems of its options in a run.
    """

    init: InitFn
    loss: LossFn
    encode: EncodeFn
    update: UpdateFn = keep
    groups: GroupsFn = one_group
    expect: ExpectFn = no_expectation
    problems: ProblemsFn = no_problems
