"""Linear classifiers trained on cached features, several at once in one program.

The features lie on the devices, a part on each; every step looks up the rows of its batch. Settings
of an optimizer (a grid) share their batches; runs (seeds, folds) have batches of their own.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from ssl_jax.devices.sharding import put
from ssl_jax.evaluation.classifiers.linear_head import LinearHead, cross_entropy
from ssl_jax.evaluation.features import Labelled, as_features, standardized_rows
from ssl_jax.evaluation.placement import place, rows_of

Loss = Callable[[LinearHead, Float[Array, "b d"], Int[Array, " b"]], Float[Array, ""]]


class Run(NamedTuple):
    """One training of a grid of settings.

    seed: of the order of the images.
    rows: the images to train on; None for all.
    """

    seed: int
    rows: Int[np.ndarray, " m"] | None = None


class _Data(NamedTuple):
    """What a run learns from: where its images' features are, their labels, and its key."""

    positions: Int[Array, " m"]
    labels: Int[Array, " m"]
    key: Array


def descend(
    images: Labelled,
    runs: Sequence[Run],
    optimizer: Callable[..., optax.GradientTransformation],
    *settings: Float[np.ndarray, " g"],
    num_classes: int,
    epochs: int,
    batch_size: int,
    loss: Loss = cross_entropy,
    progress: Callable[[int], None] = lambda epoch: None,
) -> list[LinearHead]:
    """Trains heads from zero; the order of the images changes in every epoch.

    Args:
      images: to train on.
      runs: trained in one program, with batches of their own.
      optimizer: (number of steps, a number of each of `settings`) -> optimizer of one head.
      *settings: of the grid that every run trains at once, on the same batches.
      num_classes: C.
      epochs: passes over the images.
      batch_size: images per step; all of them where there are fewer. Images that do not fill a
        batch are left out of an epoch.
      loss: of a head.
      progress: called with the number of epochs done.

    Returns:
      For every run the heads of all settings after the last epoch, stacked on axis 0.
    """
    features = as_features(images.features)
    placed, shares = place(features), features.shares
    everywhere = shares.shardings.replicated
    labels = np.asarray(images.labels, np.int32)
    data, sizes = [], set[tuple[int, int]]()
    for run in runs:
        rows = np.arange(len(labels)) if run.rows is None else run.rows
        size = min(batch_size, len(rows))
        sizes.add((len(rows) // size, size))
        own = put((placed.positions[rows], labels[rows]), everywhere)
        data.append(_Data(own[0], own[1], _key(run.seed, everywhere)))
    (steps, batch_size), *other = sizes
    assert not other, "runs that train together have as many steps"
    total = epochs * steps
    make: Any = functools.partial(optimizer, total)
    shape = (features.shape[1], num_classes)
    start = functools.partial(_start, make=make, shape=shape, runs=len(runs))
    carry = jax.jit(start, out_shardings=everywhere)(settings)

    @functools.partial(jax.jit, donate_argnums=0, out_shardings=everywhere)
    def epoch(carry: Any, settings: Any, held: Array, data: Any, number: Array) -> Any:
        orders = [_order(own, number, steps, batch_size) for own in data]

        def step(carry: Any, rows: Any) -> Any:
            after = []
            for (heads, states), own, batch in zip(carry, data, rows, strict=True):
                x = rows_of(held, own.positions[batch], shares)
                x, y = standardized_rows(x, features.standard), own.labels[batch]

                def update(head: LinearHead, state: Any, *setting: Array, x=x, y=y) -> Any:
                    gradient = jax.grad(loss)(head, x, y)
                    updates, state = make(*setting).update(gradient, state, head)
                    return optax.apply_updates(head, updates), state

                after.append(jax.vmap(update)(heads, states, *settings))
            return after, None

        return jax.lax.scan(step, carry, orders)[0]

    for number in range(epochs):
        carry = epoch(carry, settings, placed.features, data, np.int32(number))
        jax.block_until_ready(carry)
        progress(number + 1)
    return [heads for heads, _ in carry]


def _start(settings: Any, *, make: Any, shape: tuple[int, int], runs: int) -> list[Any]:
    """Heads that are 0 and the states of their optimizers, stacked over the settings, per run."""

    def one(*setting: Array) -> tuple[LinearHead, Any]:
        head = LinearHead(jnp.zeros(shape), jnp.zeros(shape[1]))
        return head, make(*setting).init(head)

    return [jax.vmap(one)(*settings) for _ in range(runs)]


def _order(own: _Data, number: Array, steps: int, batch_size: int) -> Int[Array, "steps b"]:
    """The batches of an epoch: which images of the run."""
    order = jax.random.permutation(jax.random.fold_in(own.key, number), len(own.labels))
    return order[: steps * batch_size].reshape(steps, batch_size)


def _key(seed: int, everywhere: Any) -> Array:
    # Created in place: a typed key cannot be put onto the devices of other processes.
    return jax.jit(jax.random.key, static_argnums=0, out_shardings=everywhere)(seed)
