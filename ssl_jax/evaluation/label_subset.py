"""Which training images' labels may be used, where these are a part of all: their indices."""

import collections
import os
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32

from ssl_jax.data.dataset import draw
from ssl_jax.data.folders import read_lines
from ssl_jax.errors import UserError


def draw_share(
    labels: Int32[np.ndarray, " n"], share: float, *, seed: int
) -> Int[np.ndarray, " m"]:
    """A share of the images drawn by `seed`, every class giving its share to within one image.

    A class gives one image at least, so rare classes may bring a few more images than the share.

    Raises:
      UserError: if the share is less than an image a class.
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
    """The images that a text file lists, one file name without folders a line.

    So are SimCLR's official lists for ImageNet, 1percent.txt and 10percent.txt, which have lines
    like n01440764_10026.JPEG. Empty lines are skipped; order and repetitions do not matter.

    names: of the training images, with or without folders.

    Raises:
      UserError: if the file cannot be read, or names no image, an image that there is not, or one
        of which there are several.
    """
    wanted = list(dict.fromkeys(line.strip() for line in read_lines(file) if line.strip()))
    if not wanted:
        raise UserError(f"{file} names no image")
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
            f"{file} names {several[0]}, of which the training set has {len(places[several[0]])}"
        )
    return np.sort(np.array([places[name][0] for name in wanted]))
