"""Protocol `geometry`: how the features of the test images are distributed, without a classifier.

MSBReg reports alignment and uniformity of test images (arXiv 2207.03552, Table 12) but does not say
on which views: ours are the random resized crops and flips that all methods have in common.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Float64, Int, Key, UInt8

from ssl_jax.augment.policy import ViewSpec, make_augment
from ssl_jax.data.dataset import gather
from ssl_jax.errors import UserError
from ssl_jax.evaluation.classifiers.knn import leave_one_out
from ssl_jax.evaluation.task import Task
from ssl_jax.health.representation import health
from ssl_jax.losses import normalize
from ssl_jax.losses.embeddings import spherical_distance
from ssl_jax.networks.backbone import Backbone
from ssl_jax.types import Params

UNIFORMITY_T = 2.0
ROWS_AT_A_TIME = 256  # bounds the distances in memory: 256 x N


def geometry(task: Task, seed: int) -> dict[str, Any]:
    """Metrics of the features of the test images.

    Args:
      task: the encoder and the images.
      seed: of the views.

    Returns:
      alignment: mean of ||x_hat - y_hat||^2 over two views of each image, in [0, 4].
      uniformity: see `uniformity`; about -4 where features spread evenly, 0 at collapse.
      effective_rank and feature_std_ratio: see `health`.
      nearest_neighbour_top1: share of images whose nearest other image by cosine similarity has
        the same class.
      spectrum: see `spectrum`.
      settings: how they were obtained.

    Raises:
      UserError: if there is only one test image.
    """
    test = task.features("test")
    if len(test.labels) < 2:
        raise UserError("the geometry of features needs at least 2 test images")
    view = ViewSpec(task.encoder.description.image_size)
    distances = view_distances(task, view, seed=seed)
    nearest = leave_one_out(test, num_classes=task.num_classes, ks=(1,))[1]
    features = np.asarray(test.features)
    return {
        "alignment": float(np.mean(distances**2)),
        "uniformity": uniformity(features),
        **health(features),
        "nearest_neighbour_top1": nearest.top1,
        "spectrum": spectrum(features).tolist(),
        "settings": {
            "images": len(test.labels),
            "alignment": "mean squared distance of the normalised features of two views",
            "views": f"crop of {view.crop_scale} of the area, ratio {view.crop_ratio}, resized "
            f"to {view.size}; flip with probability {view.flip}",
            "uniformity": f"t = {UNIFORMITY_T:g}, pairs of different images, without augmentation",
        },
    }


def uniformity(features: Float[np.ndarray, "n d"]) -> float:
    """log of the mean of exp(-2 ||x_hat_i - x_hat_j||^2) over the pairs i != j.

    Wang & Isola (arXiv 2005.10242, Section 4.1); like `losses.uniformity`, but block by block, for
    any number of images.
    """
    count = len(features)
    fill = -count % ROWS_AT_A_TIME
    starts = np.arange(0, count + fill, ROWS_AT_A_TIME)
    padded = np.pad(features, [(0, fill), (0, 0)])
    total = jax.nn.logsumexp(_potentials(jnp.asarray(padded), jnp.asarray(count), starts))
    return float(total) - math.log(count * (count - 1))


def spectrum(features: Float[np.ndarray, "n d"]) -> Float64[np.ndarray, " d"]:
    """Eigenvalues of the unbiased covariance of the features, in descending order; in float64."""
    centred = features.astype(np.float64)
    centred -= centred.mean(axis=0, keepdims=True)
    values = np.linalg.eigvalsh(centred.T @ centred / (len(features) - 1))
    return np.maximum(values[::-1], 0)


def view_distances(task: Task, view: ViewSpec, *, seed: int) -> Float32[np.ndarray, " n"]:
    """Distance between the normalised features of two views of each test image.

    The network sees the whole views, without the central crop that `Encoder.encode` takes.

    Args:
      task: the encoder and the images.
      view: how views are drawn.
      seed: of the views.
    """
    images, key = task.part("test").images, jax.random.key(seed)
    parts = []
    for start in range(0, len(images), task.batch_size):
        rows = np.arange(start, start + task.batch_size)
        batch = gather(images, np.minimum(rows, len(images) - 1))  # padded with the last image
        batch, rows = jax.device_put((batch, rows), task.shardings.batch)
        distances = _view_distances(
            task.encoder.variables, key, rows, batch, backbone=task.encoder.backbone, view=view
        )
        parts.append(np.asarray(jax.device_put(distances, task.shardings.replicated)))
    return np.concatenate(parts)[: len(images)]


@functools.partial(jax.jit, static_argnames=("backbone", "view"))
def _view_distances(
    variables: Params,
    key: Key[Array, ""],
    rows: Int[Array, " n"],
    images: UInt8[Array, "n h w c"],
    *,
    backbone: Backbone,
    view: ViewSpec,
) -> Float[Array, " n"]:
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, rows)
    _, height, width, channels = images.shape
    augment = make_augment([view._replace(copies=2)], (height, width, channels))
    encode: Any = functools.partial(backbone.apply, variables, train=False)
    first, second = augment(keys, images)
    return spherical_distance(encode(first), encode(second))


@jax.jit
def _potentials(
    features: Float[Array, "n d"], count: Int[Array, ""], starts: Int[Array, " blocks"]
) -> Float[Array, " blocks"]:
    """log of the sum of exp(-t ||x_hat_i - x_hat_j||^2) over i in a block, j != i below `count`."""
    x = normalize(features)
    squared = jnp.sum(x**2, axis=1)
    rows = jnp.arange(len(x))

    def block(start: Array) -> Array:
        own = start + jnp.arange(ROWS_AT_A_TIME)
        products = jnp.matmul(x[own], x.T, precision="highest")
        distances = squared[own][:, None] + squared[None] - 2 * products
        pairs = (own[:, None] != rows[None]) & (own[:, None] < count) & (rows[None] < count)
        return jax.nn.logsumexp(-UNIFORMITY_T * distances, where=pairs)

    return jax.lax.map(block, starts)
