"""The image files that a table names, as a data set."""

import dataclasses
import os

import numpy as np

from ssl_jax.data.class_numbers import number_classes, to_known
from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.listing import subfolders
from ssl_jax.data.skipped import some
from ssl_jax.data.tables import Table
from ssl_jax.errors import UserError

# Paths of a table that are tried, spread evenly, to find the folder that they are relative to.
TRIED = 20


def dataset_of(table: Table, files: ImageFiles, *, classes: tuple[str, ...] = ()) -> Dataset:
    """The images of a table that exist, in its order, with their labels.

    Args:
      table: with paths, and labels unless the set is unlabelled.
      files: the folder that the paths are relative to, and how images are decoded.
      classes: of the training set; () takes those of the table.

    Raises:
      UserError: if no image exists, or one has two labels.
    """
    assert table.paths is not None
    label_of, notes = _labels(table, files.root)
    names, sizes, absent = [], [], []
    for name in label_of:
        try:
            sizes.append(os.stat(os.path.join(files.root, name)).st_size)
            names.append(name)
        except OSError:
            absent.append(name)
    if not names:
        first = os.path.join(files.root, absent[0])
        raise UserError(f"{table.file} names no image that exists; the first would be {first}")
    if absent:
        notes.append(f"left out, named in {table.file} and not there: {some(absent)}")
    images = dataclasses.replace(files, names=tuple(names), sizes=tuple(sizes))
    dataset = Dataset(images, None, (), origin=table.file, notes=tuple(notes))
    if table.labels is None:
        return dataset
    written = [label_of[name] for name in names]
    if table.classes:  # numbers to names
        numbers, _ = number_classes(written, known=table.classes)
        written = [table.classes[number] for number in numbers]
    if not classes:
        labels, classes = number_classes(written, known=table.classes)
        return dataset._replace(labels=labels, classes=classes)
    labels, more = to_known(written, classes, file=table.file)
    dataset = dataset._replace(labels=labels, classes=classes, notes=(*notes, *more))
    return take(dataset, np.flatnonzero(labels >= 0))


def _labels(table: Table, root: str) -> tuple[dict[str, str], list[str]]:
    """({path below `root`: label or ""}, notes), each path once, in the order of the table."""
    assert table.paths is not None
    paths = [path.replace("\\", "/") for path in table.paths]
    below = _below(paths, root)
    label_of: dict[str, str] = {}
    for path, label in zip(paths, table.labels or ("",) * len(paths), strict=True):
        # Places365 begins its paths with a slash; other lists may be of absolute paths.
        absolute = path.startswith("/") and os.path.isfile(path)
        name = path if absolute else os.path.normpath(os.path.join(below, path.lstrip("/")))
        if label_of.setdefault(name, label) != label:
            raise UserError(f"{table.file} has two labels for {path}: {label_of[name]}, {label}")
    notes = [f"paths in {table.file} are relative to {os.path.join(root, below)}"] if below else []
    if double := len(paths) - len(label_of):
        notes.append(f"{table.file} repeats {double:,} of its images, which are taken once")
    return label_of, notes


def _below(paths: list[str], root: str) -> str:
    """The folder below `root` that paths are relative to: "", or where more of them exist."""
    tried = [path.lstrip("/") for path in paths[:: -(-len(paths) // TRIED)]]

    def found(folder: str) -> int:
        return sum(os.path.isfile(os.path.join(root, folder, path)) for path in tried)

    there = found("")
    if there == len(tried):
        return ""
    best = max(subfolders(root), key=found, default="")
    return best if best and found(best) > there else ""
