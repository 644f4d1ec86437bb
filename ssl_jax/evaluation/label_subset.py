"""Subsets of the labelled training images, as indices: a share, a list of files, a fixed tenth."""

import collections
import math
import os
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32

from ssl_jax.data.splits import draw, draw_aside
from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import UserError


def fixed_tenth(
    labels: Int[np.ndarray, " n"] | None, *, size: int
) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " k"]]:
    """Holds out the same tenth of `size` images on every call, rounded up; no class loses all.

    Args:
      labels: each class contributes its share; None for images without a single label each.
      size: number of images.

    Returns:
      (sorted indices of the rest, sorted indices of the tenth), drawn as by
      `data.splits.set_aside`.
    """
    labels = None if labels is None else labels.astype(np.int32)
    tenth = draw_aside(labels, size=size, count=math.ceil(size / 10))
    return np.setdiff1d(np.arange(size), tenth), tenth


def draw_share(
    labels: Int32[np.ndarray, " n"], share: float, *, seed: int
) -> Int[np.ndarray, " m"]:
    """Draws a share of the images; each class contributes its share to within one image.

    Each class contributes at least one image, so rare classes may add a few images to the share.

    Args:
      labels: class indices of all images.
      share: in (0, 1].
      seed: of the draw.

    Returns:
      Sorted indices.

    Raises:
      UserError: if the share has fewer images than there are classes.
    """
    size, classes = len(labels), np.unique(labels)
    count = round(share * size)
    if count < len(classes):
        raise UserError(
            f"{share:.0%} of {size} training images are {count}, fewer than the {len(classes)} "
            "classes"
        )
    chosen = draw(labels, size=size, count=count, seed=seed)
    rows = [chosen]
    for absent in np.setdiff1d(classes, labels[chosen]):
        own = np.flatnonzero(labels == absent)
        rows.append(own[draw(None, size=len(own), count=1, seed=seed)])
    return np.sort(np.concatenate(rows))


def listed(names: tuple[str, ...], file: Path) -> Int[np.ndarray, " m"]:
    """Finds the images that a text file lists, one file name without folders per line.

    This is the format of SimCLR's official lists for ImageNet, 1percent.txt and 10percent.txt,
    with lines such as n01440764_10026.JPEG. Empty lines are skipped; order and repetitions do not
    matter.

    Args:
      names: file names of the training images, with or without folders.
      file: the list.

    Returns:
      Sorted indices into `names`.

    Raises:
      UserError: if the file cannot be read or is empty, or if one of its names belongs to no
        training image or to more than one.
    """
    wanted = list(dict.fromkeys(line.strip() for line in read_lines(file) if line.strip()))
    if not wanted:
        raise UserError(f"{file} names no images")
    places = collections.defaultdict(list)
    for index, name in enumerate(names):
        places[os.path.basename(name)].append(index)
    if absent := [name for name in wanted if name not in places]:
        raise UserError(
            f"{len(absent)} of the {len(wanted)} images that {file} names are not in the training "
            f"set; the first is {absent[0]}"
        )
    if several := [name for name in wanted if len(places[name]) > 1]:
        raise UserError(
            f"{file} names {several[0]}, but the training set has {len(places[several[0]])} of them"
        )
    return np.sort(np.array([places[name][0] for name in wanted]))
