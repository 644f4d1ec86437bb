"""Softmax regression on frozen features by gradient descent: one optimizer, or a grid of SGDs."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from ssl_jax.evaluation.classifiers.linear_head import (
    LinearHead,
    Probe,
    cross_entropy,
    head_accuracy,
    standardize,
)
from ssl_jax.evaluation.features import Labelled, join
from ssl_jax.optim import optimizers

EPOCHS = 100
BATCH_SIZE = 256
MOMENTUM = 0.9


def sgd_probe(
    train: Labelled,
    holdout: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    learning_rates: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0),
    weight_decays: tuple[float, ...] = (0.0, 1e-6, 1e-5),
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> Probe:
    """Softmax regression by SGD with momentum 0.9 and a cosine schedule to 0; no augmentation.

    The features are standardised by the training images and divided by sqrt(d), so that one grid
    of learning rates serves every width. Weight decay (not on the bias) is coupled, as in PyTorch.

    Args:
      train: the images to fit.
      holdout: chooses the setting by top-1; then training and held-out images are fitted together.
      test: read once, after the choice.
      num_classes: of the data set.
      learning_rates: of the grid, whose settings all train at once, on the same batches.
      weight_decays: of the grid; among equally good settings the first is chosen.
      epochs: of each fit.
      batch_size: images per step; all of them where there are fewer.
      seed: of the order of the images.

    Returns:
      Accuracy on `test` and the chosen "learning_rate" and "weight_decay".
    """
    train, holdout, test = standardize(train, holdout, test, scale=train.features.shape[1] ** -0.5)
    fit = functools.partial(
        descend_grid,
        key=jax.random.key(seed),
        num_classes=num_classes,
        epochs=epochs,
        batch_size=batch_size,
    )
    grid = [(rate, decay) for rate in learning_rates for decay in weight_decays]
    heads = fit(*train, *np.asarray(grid, np.float32).T)
    scores = [head_accuracy(LinearHead(*head), holdout).top1 for head in zip(*heads, strict=True)]
    rate, decay = grid[int(np.argmax(scores))]
    heads = fit(*join(train, holdout), *np.asarray([[rate], [decay]], np.float32))
    return Probe(
        head_accuracy(LinearHead(heads.kernel[0], heads.bias[0]), test),
        {"learning_rate": rate, "weight_decay": decay},
    )


@functools.partial(jax.jit, static_argnames=("num_classes", "epochs", "batch_size"))
def descend_grid(
    features: Float[Array, "n d"],
    labels: Int[Array, " n"],
    learning_rates: Float[Array, " g"],
    weight_decays: Float[Array, " g"],
    *,
    key: Key[Array, ""],
    num_classes: int,
    epochs: int,
    batch_size: int,
) -> LinearHead:
    """One head per setting, stacked on axis 0; all see the same batches in the same order."""
    batch_size = min(batch_size, len(labels))
    steps = epochs * (len(labels) // batch_size)

    def fit(rate: Array, decay: Array) -> LinearHead:
        schedule = optax.cosine_decay_schedule(rate, steps)
        decayed = optax.add_decayed_weights(decay, optimizers.is_kernel)
        optimizer = optax.chain(decayed, optax.sgd(schedule, momentum=MOMENTUM))
        common = {"key": key, "num_classes": num_classes, "epochs": epochs}
        return descend(features, labels, optimizer, batch_size=batch_size, **common)

    return jax.vmap(fit)(learning_rates, weight_decays)


def descend(
    features: Float[Array, "n d"],
    labels: Int[Array, " n"],
    optimizer: optax.GradientTransformation,
    *,
    key: Key[Array, ""],
    num_classes: int,
    epochs: int,
    batch_size: int,
) -> LinearHead:
    """Softmax regression from zero; to be jitted by the caller.

    Args:
      features: [N, d].
      labels: class indices [N].
      optimizer: of the head.
      key: of the order of the images, which changes in every epoch.
      num_classes: C.
      epochs: passes over the images.
      batch_size: at most N; images that do not fill a batch are left out of an epoch.

    Returns:
      The head after the last epoch.
    """
    count, width = features.shape
    steps = count // batch_size

    def step(carry: tuple[LinearHead, optax.OptState], rows: Array) -> Any:
        head, state = carry
        gradient = jax.grad(cross_entropy)(head, features[rows], labels[rows])
        updates, state = optimizer.update(gradient, state, head)
        return (optax.apply_updates(head, updates), state), None

    def epoch(carry: tuple[LinearHead, optax.OptState], number: Array) -> Any:
        order = jax.random.permutation(jax.random.fold_in(key, number), count)
        rows = order[: steps * batch_size].reshape(steps, batch_size)
        return jax.lax.scan(step, carry, rows)

    head = LinearHead(jnp.zeros((width, num_classes)), jnp.zeros(num_classes))
    start = (head, optimizer.init(head))
    return jax.lax.scan(epoch, start, jnp.arange(epochs))[0][0]
