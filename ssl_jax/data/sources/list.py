"""Image files that a list names: path,label in csv or text, iNaturalist's json, Places365's txt.

    LIST.csv       path,label   with a header or none; a column split; no label: unlabelled
    train2019.json images, annotations and categories, as of iNaturalist and COCO
    places365_train_standard.txt   /a/airfield/00000001.jpg 0; classes: categories_places365.txt

Paths are relative to the folder of the list, or to the one folder in it where they exist. The test
set is `config.data.test`, another list; the rows that the column split calls test or val; or the
list beside it that is named as this one with test or val for train; otherwise a tenth.
"""

import os
from typing import Any

from ssl_jax.data import folders
from ssl_jax.data.annotations import read_json
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.depth import ValueRange
from ssl_jax.data.listed_files import dataset_of
from ssl_jax.data.split_names import sibling, split_of
from ssl_jax.data.splits import with_test
from ssl_jax.data.tables import Table, read_table
from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import UserError, require

PLACES = "categories_places365.txt"


def load(
    *,
    path: str,
    image_size: int,
    channels: int,
    test: str = "",
    value_range: ValueRange = (),
    max_pixels: int = 0,
) -> tuple[Dataset, Dataset | None]:
    """Loads the images of a list, which stay in their files.

    Args:
      path: the list.
      image_size: side in pixels that images are resized to; 0 if all are squares of one size.
      channels: 1 (grey), 3 (RGB), or those of arrays and TIFFs; 0 means 3, or those of arrays.
      test: list of the images to test on, where it is relative from the folder of the first list;
        "train" for a tenth of the training images; "" for what there is.
      value_range: (black, white) of pixels that are not of 8 bits; () for that of their type.
      max_pixels: that an image may have; 0 for the usual limit.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if a list cannot be read or understood, if none of its images exists, or if an
        image has two labels.
    """
    file = os.path.abspath(os.path.expanduser(path))
    require(bool(path) and os.path.isfile(file), "path", path, "must be a list of image files")
    parts = _by_split(_read(file))
    options: dict[str, Any] = {"image_size": image_size, "channels": channels}
    options |= {"value_range": value_range, "max_pixels": max_pixels}
    opened = folders.open_folder(os.path.dirname(file), **options)
    train = folders.readable(dataset_of(parts["train"], opened))
    if train.labels is None or test == "train":
        return with_test(train)
    table = _test_table(file, parts, test)
    if table is None or table.labels is None:
        return with_test(train)
    part = dataset_of(table, opened, classes=train.classes)
    return train, folders.readable(part, like=train)


def _test_table(file: str, parts: dict[str, Table], test: str) -> Table | None:
    """What to test on, as the option, the column split or a list beside this one has it."""
    folder = os.path.dirname(file)
    if test:
        place = os.path.join(folder, os.path.expanduser(test))
        require(os.path.isfile(place), "test", test, f"must be a list beside {file}, or train")
        return _read(place)
    for kind in ("test", "val"):
        if kind in parts:
            return parts[kind]
        if beside := sibling(os.path.basename(file), kind, sorted(os.listdir(folder))):
            table = _read(os.path.join(folder, beside))
            if table.labels is not None:
                return table
    return None


def _read(file: str) -> Table:
    if file.lower().endswith(".json"):
        return read_json(file)
    table = read_table(file)
    if table.paths is None:
        raise UserError(f"{file} has one column, and it is none of image files: add their paths")
    places = os.path.join(os.path.dirname(file), PLACES)
    if table.labels is not None and os.path.isfile(places):
        rows = [line.rsplit(None, 1) for line in read_lines(places) if line.strip()]
        names = tuple(row[0] for row in sorted(rows, key=lambda row: int(row[1])))
        if set(table.labels) <= {str(index) for index in range(len(names))}:
            return table._replace(classes=names)
    return table


def _by_split(table: Table) -> dict[str, Table]:
    """The table by its column split: at least "train"."""
    if table.splits is None:
        return {"train": table}
    kinds = [split_of(name) for name in table.splits]
    if "" in kinds:
        raise UserError(
            f"{table.file} has a split {table.splits[kinds.index('')]!r}, not train or test"
        )
    found = {}
    for kind in dict.fromkeys(kinds):
        rows = [row for row, own in enumerate(kinds) if own == kind]
        paths, labels = (
            None if values is None else tuple(values[row] for row in rows)
            for values in (table.paths, table.labels)
        )
        found[kind] = table._replace(paths=paths, labels=labels, splits=None)
    if "train" not in found:
        raise UserError(f"{table.file} has no rows of the split train")
    return found
