"""Tables of images and labels as people write them: csv, tsv, and text with a path and a label."""

import csv
import os
import pathlib
from typing import NamedTuple

from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import UserError

# Names of columns in lower case, those that say most first.
PATHS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "img_path"),
    *("relative_path", "image", "img", "image_name", "fname", "image_id", "imageid", "id", "name"),
)
LABELS = (
    *("label", "labels", "class", "class_name", "classname", "category", "category_name", "target"),
    *("y", "species", "diagnosis", "breed", "wnid", "synset", "predictionstring"),
    *("label_id", "class_id", "category_id", "class_index"),
)
SPLITS = ("split", "set", "subset", "partition")
SUFFIXES = (".csv", ".tsv", ".txt")


class Table(NamedTuple):
    """The rows of a table.

    file: it was read from.
    paths: of the images as written; None where a row is a label, in the order of the images.
    labels: as written; None for a list of images alone.
    splits: as written; None where there is no such column.
    classes: names of all classes in the order of their labels, where the table says so.
    """

    file: str
    paths: tuple[str, ...] | None
    labels: tuple[str, ...] | None
    splits: tuple[str, ...] | None = None
    classes: tuple[str, ...] = ()


def read_table(file: str) -> Table:
    """Reads path and label, with a header or none.

    Without a header, the first column is the path and the second one the label; of a single column,
    paths have a suffix and labels have none. In text without commas or tabs the label is the last
    word.

    Raises:
      UserError: if the file cannot be read, or its columns are not understood.
    """
    rows = _rows(file)
    if not rows:
        raise UserError(f"{file} has no lines")
    header = [name.strip().lower() for name in rows[0]]
    path, label = _column(header, PATHS), _column(header, LABELS)
    if path is None and label is None:
        return _without_header(file, rows)
    if path is not None and label is None and len(header) == 2:
        label = 1 - path
    if label is not None and path is None and len(header) > 1:
        path = next(column for column in range(len(header)) if column != label)
    split = _column(header, SPLITS)
    short = [number for number, row in enumerate(rows, 1) if len(row) < len(header)]
    if short:
        raise UserError(f"line {short[0]} of {file} has fewer columns than its header")
    paths, labels, splits = (
        None if column is None else tuple(row[column].strip() for row in rows[1:])
        for column in (path, label, split)
    )
    if labels and label is not None and header[label] == "predictionstring":
        labels = tuple(text.split()[0] if text else "" for text in labels)
    return _checked(Table(file, paths, labels, splits))


def _without_header(file: str, rows: list[list[str]]) -> Table:
    widths = {len(row) for row in rows}
    if widths == {1}:
        values = tuple(row[0].strip() for row in rows)
        paths = all(os.path.splitext(value)[1] for value in values)
        return _checked(Table(file, values, None) if paths else Table(file, None, values))
    boxes = os.path.basename(file).lower() == "val_annotations.txt"  # Tiny ImageNet: four numbers
    if widths != {2} and not boxes:
        some = min(widths)
        raise UserError(
            f"{file} must have path and label on each line, or a header that names them; it has "
            f"{some if len(widths) == 1 else f'{some} to {max(widths)}'} columns"
        )
    if len(rows) > 1 and not _is_file(rows[0][0]) and _is_file(rows[1][0]):
        rows = rows[1:]  # a header of other names
    paths, labels = (tuple(row[column].strip() for row in rows) for column in (0, 1))
    return _checked(Table(file, paths, labels))


def _rows(file: str) -> list[list[str]]:
    lines = [line for line in read_lines(file) if line.strip()]
    if not lines:
        return []
    suffix = pathlib.PurePath(file).suffix.lower()
    mark = "\t" if suffix == ".tsv" else max(",;\t", key=lines[0].count)
    if mark in lines[0]:
        return list(csv.reader(lines, delimiter=mark))
    if suffix == ".txt":
        return [line.rsplit(None, 1) for line in lines]
    return [[line] for line in lines]


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _is_file(path: str) -> bool:
    return bool(os.path.splitext(path.strip())[1])


def _checked(table: Table) -> Table:
    for what, values in (("path", table.paths), ("label", table.labels)):
        for number, value in enumerate(values or (), 1):
            if not value:
                raise UserError(f"row {number} of {table.file} has no {what}")
    return table
