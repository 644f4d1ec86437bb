"""Linear probes on frozen features: ridge regression in closed form, and SGD.

Both standardise the features by the mean and deviation of the training features, choose their
hyper-parameters by top-1 on held-out images, fit once more on training and held-out images
together, and read the test images once.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from ssl_jax.evaluation.accuracy import Accuracy, accuracy, label_ranks
from ssl_jax.evaluation.features import Labelled, join
from ssl_jax.optim import optimizers

LAMBDAS = tuple(10.0**exponent for exponent in range(-5, 2))
ROWS_AT_A_TIME = 4096


class Probe(NamedTuple):
    """accuracy: on the test images. chosen: the hyper-parameters."""

    accuracy: Accuracy
    chosen: dict[str, float]


class Linear(NamedTuple):
    """Scores of C classes: features @ kernel + bias."""

    kernel: Float[Array, "d c"]
    bias: Float[Array, " c"]


def ridge(
    train: Labelled,
    holdout: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    lambdas: tuple[float, ...] = LAMBDAS,
) -> Probe:
    """Ridge regression of the one-hot labels y, with a bias that is not penalised:

        min_{W, b}  1/N sum_i || y_i - W^T x_i - b ||^2 + lambda || W ||^2

    Of the `lambdas` that are equally good on `holdout` it takes the largest.
    """
    train, holdout, test = _standardize(train, holdout, test)
    moments = _moments(train, num_classes)
    found = [head_accuracy(_solve(moments, value), holdout).top1 for value in lambdas]
    best = max(zip(found, lambdas, strict=True))[1]
    both = jax.tree.map(np.add, moments, _moments(holdout, num_classes))
    return Probe(head_accuracy(_solve(both, best), test), {"lambda": best})


def sgd_probe(
    train: Labelled,
    holdout: Labelled,
    test: Labelled,
    *,
    num_classes: int,
    learning_rates: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0),
    weight_decays: tuple[float, ...] = (0.0, 1e-6, 1e-5),
    epochs: int = 100,
    batch_size: int = 256,
    seed: int = 0,
) -> Probe:
    """Softmax regression by SGD with momentum 0.9 and a cosine to 0; no augmentation.

    The standardised features are divided by sqrt(d), so that one grid of learning rates serves
    every width. All settings of the grid train at once on the same batches. Weight decay (not on
    the bias) is coupled, as in PyTorch.
    """
    train, holdout, test = _standardize(train, holdout, test, scale=train.features.shape[1] ** -0.5)
    fit = functools.partial(
        _descend,
        key=jax.random.key(seed),
        num_classes=num_classes,
        epochs=epochs,
        batch_size=batch_size,
    )
    grid = [(rate, decay) for rate in learning_rates for decay in weight_decays]
    heads = fit(*train, *np.asarray(grid, np.float32).T)
    found = [head_accuracy(Linear(*head), holdout).top1 for head in zip(*heads, strict=True)]
    rate, decay = grid[int(np.argmax(found))]
    heads = fit(*join(train, holdout), *np.asarray([[rate], [decay]], np.float32))
    return Probe(
        head_accuracy(Linear(heads.kernel[0], heads.bias[0]), test),
        {"learning_rate": rate, "weight_decay": decay},
    )


class Moments(NamedTuple):
    """Sums over images of features x and one-hot labels y, in float64; those of sets add up."""

    count: int
    x: Float[np.ndarray, " d"]
    y: Float[np.ndarray, " c"]
    xx: Float[np.ndarray, "d d"]
    xy: Float[np.ndarray, "d c"]


def _standardize(train: Labelled, *others: Labelled, scale: float = 1.0) -> list[Labelled]:
    mean = train.features.mean(axis=0, dtype=np.float64, keepdims=True)
    deviation = train.features.std(axis=0, dtype=np.float64, keepdims=True)
    gain = (scale / np.maximum(deviation, 1e-6)).astype(np.float32)  # a dead feature stays small
    mean = mean.astype(np.float32)
    return [Labelled((features - mean) * gain, labels) for features, labels in (train, *others)]


def _scores(head: Linear, features: Float[Array, "n d"]) -> Float[Array, "n c"]:
    return jnp.matmul(features, head.kernel, precision="highest") + head.bias[None]


def head_accuracy(head: Linear, images: Labelled) -> Accuracy:
    """Accuracy of the scores of the head."""
    return accuracy(_ranks(head, *images), num_classes=head.bias.shape[0])


@jax.jit
def _ranks(
    head: Linear, features: Float[Array, "n d"], labels: Int[Array, " n"]
) -> Int[Array, " n"]:
    return label_ranks(_scores(head, features), labels)


def _moments(images: Labelled, num_classes: int) -> Moments:
    """Products on the device in float32, added up on the host in float64."""
    features, labels = images
    width = features.shape[1]
    xx, xy = np.zeros((width, width)), np.zeros((width, num_classes))
    for start in range(0, len(labels), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        products = _products(features[rows], labels[rows], num_classes=num_classes)
        xx += np.asarray(products[0])
        xy += np.asarray(products[1])
    x = features.sum(axis=0, dtype=np.float64)
    y = np.bincount(labels, minlength=num_classes).astype(np.float64)
    return Moments(len(labels), x, y, xx, xy)


@functools.partial(jax.jit, static_argnames="num_classes")
def _products(
    x: Float[Array, "n d"], labels: Int[Array, " n"], *, num_classes: int
) -> tuple[Float[Array, "d d"], Float[Array, "d c"]]:
    y = jax.nn.one_hot(labels, num_classes)
    product = functools.partial(jnp.matmul, precision="highest")
    return product(x.T, x), product(x.T, y)


def _solve(moments: Moments, penalty: float) -> Linear:
    """The minimum of `ridge`: normal equations of the centred moments, in float64."""
    count, x, y, xx, xy = moments
    covariance = xx / count - np.outer(x, x) / count**2
    target = xy / count - np.outer(x, y) / count**2
    kernel = np.linalg.solve(covariance + penalty * np.eye(len(x)), target)
    bias = (y - x @ kernel) / count
    return Linear(jnp.asarray(kernel, jnp.float32), jnp.asarray(bias, jnp.float32))


def cross_entropy(
    head: Linear, features: Float[Array, "n d"], labels: Int[Array, " n"]
) -> Float[Array, ""]:
    """Softmax cross-entropy of the scores, mean over the images."""
    scores = _scores(head, features)
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


def descend(
    features: Float[Array, "n d"],
    labels: Int[Array, " n"],
    optimizer: optax.GradientTransformation,
    *,
    key: Key[Array, ""],
    num_classes: int,
    epochs: int,
    batch_size: int,
) -> Linear:
    """Softmax regression from zero by `optimizer`, in whole batches; to be jitted.

    `key` is that of the order, another in every epoch.
    """
    count, width = features.shape
    steps = count // batch_size

    def step(carry: tuple[Linear, optax.OptState], rows: Array) -> Any:
        head, state = carry
        gradient = jax.grad(cross_entropy)(head, features[rows], labels[rows])
        updates, state = optimizer.update(gradient, state, head)
        return (optax.apply_updates(head, updates), state), None

    def epoch(carry: tuple[Linear, optax.OptState], number: Array) -> Any:
        order = jax.random.permutation(jax.random.fold_in(key, number), count)
        rows = order[: steps * batch_size].reshape(steps, batch_size)
        return jax.lax.scan(step, carry, rows)

    head = Linear(jnp.zeros((width, num_classes)), jnp.zeros(num_classes))
    start = (head, optimizer.init(head))
    return jax.lax.scan(epoch, start, jnp.arange(epochs))[0][0]


@functools.partial(jax.jit, static_argnames=("num_classes", "epochs", "batch_size"))
def _descend(
    features: Float[Array, "n d"],
    labels: Int[Array, " n"],
    learning_rates: Float[Array, " g"],
    weight_decays: Float[Array, " g"],
    *,
    key: Key[Array, ""],
    num_classes: int,
    epochs: int,
    batch_size: int,
) -> Linear:
    """One head per setting, stacked on axis 0; all see the same batches in the same order."""
    batch_size = min(batch_size, len(labels))
    steps = epochs * (len(labels) // batch_size)

    def fit(rate: Array, decay: Array) -> Linear:
        schedule = optax.cosine_decay_schedule(rate, steps)
        decayed = optax.add_decayed_weights(decay, optimizers.is_kernel)
        optimizer = optax.chain(decayed, optax.sgd(schedule, momentum=0.9))
        common = {"key": key, "num_classes": num_classes, "epochs": epochs}
        return descend(features, labels, optimizer, batch_size=batch_size, **common)

    return jax.vmap(fit)(learning_rates, weight_decays)
