"""Everything the page shows of one run: its files, its images, and a view of its features."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from ssl_jax.methods.parts.base import Expectation
from ssl_jax.page.run_files import RunFiles

ImageArray = UInt8[np.ndarray, "_n _h _w _c"]


class ImageColumn(NamedTuple):
    """One picture for each of several images.

    title: how the pictures were made from the images.
    pictures: [n, H, W, C].
    """

    title: str
    pictures: ImageArray


class Neighbours(NamedTuple):
    """A few query images, each with the k images of the bank that are nearest to it.

    queries: [q, H, W, C].
    nearest: [q, k, H, W, C], the most similar first.
    similarities: cosine similarities of query and neighbour, [q, k].
    query_labels: classes of the queries, [q]; None without labels.
    nearest_labels: classes of the neighbours, [q, k]; None without labels.
    """

    queries: ImageArray
    nearest: UInt8[np.ndarray, "q k h w c"]
    similarities: Float[np.ndarray, "q k"]
    query_labels: Int[np.ndarray, " q"] | None
    nearest_labels: Int[np.ndarray, "q k"] | None


class FeatureMap(NamedTuple):
    """Images laid out in the plane by their features.

    points: position of each image, [n, 2].
    pictures: the images, [n, H, W, C].
    labels: their classes, [n]; None without labels.
    predicted: the classes that were predicted for them, [n]; None without labels.
    """

    points: Float[np.ndarray, "n 2"]
    pictures: ImageArray
    labels: Int[np.ndarray, " n"] | None
    predicted: Int[np.ndarray, " n"] | None


class FeatureView(NamedTuple):
    """What the features of a run's encoder look like on query images that it was not trained on.

    step: of the checkpoint.
    bank_size: number of training images that queries are compared with.
    query_count: number of query images.
    query_kind: which images the queries are, in the plural: "test images".
    classes: names of the classes; empty without labels.
    neighbours: nearest training images of some queries.
    feature_map: map of some queries; None if none could be drawn.
    confusion: number of queries by [true class, predicted class]; None without labels.
    spectrum: eigenvalues of the covariance of the queries' features, in descending order.
    effective_rank: of the queries' features.
    """

    step: int
    bank_size: int
    query_count: int
    query_kind: str
    classes: tuple[str, ...]
    neighbours: Neighbours
    feature_map: FeatureMap | None
    confusion: Int[np.ndarray, "classes classes"] | None
    spectrum: Float[np.ndarray, " d"]
    effective_rank: float


class RunView(NamedTuple):
    """A run as the page shows it.

    files: content of the run's folder.
    expectation: range in which the loss of a healthy run lies.
    planned_steps: length of the run; None if unknown.
    split_sizes: number of images by part of the data set; None if unknown.
    warnings: what is wrong according to the last metrics; None if that was not assessed.
    image_columns: some training images and their augmented views.
    features: view of the encoder's features; None without a checkpoint or images.
    notes: what is missing on the page, and why.
    """

    files: RunFiles
    expectation: Expectation = Expectation()
    planned_steps: int | None = None
    split_sizes: Mapping[str, int] | None = None
    warnings: tuple[str, ...] | None = None
    image_columns: tuple[ImageColumn, ...] = ()
    features: FeatureView | None = None
    notes: tuple[str, ...] = ()
