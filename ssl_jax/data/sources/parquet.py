"""Parquet files of the Hugging Face Hub: a column of images, and one of labels.

    PATH/data/train-00000-of-00002.parquet   PATH/data/validation-00000-of-00001.parquet
    PATH/train/0000.parquet                  PATH/test/0000.parquet

Columns are told apart by what the library `datasets` writes into the files, by README.md, or by
their names and types. Needs `pip install 'ssl_jax[parquet]'`.
"""

from pathlib import Path

import numpy as np

from ssl_jax.data.archives import hub_card, parquet
from ssl_jax.data.archives.shards import by_split, find_shards
from ssl_jax.data.class_numbers import number_classes, to_known
from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.splits import with_test
from ssl_jax.errors import Problem, UserError, require

ADVICE = (
    "parquet is read {rows:,} images at a time: to stream these images in random order, "
    "`python -m ssl_jax.prepare --source=parquet` writes them into records first"
)
# Rows of a row group from which on the advice is given.
MANY = 8


def load(
    *, path: str, image_size: int, channels: int, test: str = ""
) -> tuple[Dataset, Dataset | None]:
    """Loads the images, which stay in their files.

    Args:
      path: the folder of a set or of one of its configurations, or a pattern of files.
      image_size: side in pixels that images are resized to.
      channels: 1 (grey) or 3 (RGB); 0 means 3.
      test: the split to test on, as "validation", or "train" for a tenth of the training images; ""
        for test or else validation, if it has labels.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if pyarrow is missing, a file is missing or damaged, or columns are not told apart.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        problem = Problem("name", "parquet", "needs: pip install 'ssl_jax[parquet]'")
        raise UserError(str(problem), problem) from None
    require(image_size > 0, "image_size", image_size, "must be a side in pixels")
    require(channels in (0, 1, 3), "channels", channels, "must be 1 (grey) or 3 (RGB)")
    splits = by_split(find_shards(path, ".parquet"))
    name = "train" if "train" in splits else next(iter(splits))
    valid = name == "train" or len(splits) == 1
    require(valid, "path", path, f"has no split train, but {', '.join(splits)}")
    options = {"image_size": image_size, "channels": channels or 3}
    train, written = _split(splits[name], name, **options)
    if written is None:
        return train, None
    known = _known(splits[name][0])
    labels, classes = number_classes(written, known=known)
    train = train._replace(labels=labels, classes=classes)
    for kind in _to_test(splits, name, test):
        part, of_test = _split(splits[kind], kind, **options)
        if of_test is not None:
            labels, notes = number_classes(of_test, known=known)[0], []
            if not known:
                labels, notes = to_known(of_test, classes, file=f"split {kind}")
            part = part._replace(labels=labels, classes=classes, notes=tuple(notes))
            unused = sorted(set(splits) - {name, kind})
            more = [f"not used: {', '.join(unused)}"] if unused else []
            train = train._replace(notes=(*train.notes, *more))
            return train, take(part, np.flatnonzero(labels >= 0))
        require(not test, "test", test, "has no labels")
    return with_test(train)


def _split(
    files: list[Path], name: str, *, image_size: int, channels: int
) -> tuple[Dataset, list[str] | None]:
    """(images without labels, labels as written if they have any)."""
    columns = parquet.columns_of(files[0])
    images = parquet.open_files(files, image_size=image_size, channels=channels)
    notes = columns.notes
    most = max((rows for groups in images.groups for rows in groups), default=0)
    if most >= MANY:
        notes += (ADVICE.format(rows=most),)
    if not len(images):
        raise UserError(f"{files[0]} and the other files of {name} have no rows")
    dataset = Dataset(images, None, (), origin=f"{files[0].parent}: {name}", notes=notes)
    values = parquet.labels_of(files, columns.label) if columns.label else [None]
    if all(value in (None, -1) for value in values):
        return dataset, None
    if None in values:
        raise UserError(f"row {values.index(None)} of {name} in {files[0].parent} has no label")
    return dataset, [str(value) for value in values]


def _known(file: Path) -> tuple[str, ...]:
    """Names of the classes in the order of their numbers; () where nothing says so."""
    columns = parquet.columns_of(file)
    return columns.classes or hub_card.classes(file, columns.label)


def _to_test(splits: dict[str, list[Path]], train: str, test: str) -> list[str]:
    """The splits to test on, the first one that has labels."""
    if test:
        kind = {"validation": "val"}.get(test, test)
        there = ", ".join(splits)
        require(test == "train" or kind in splits, "test", test, f"must be one of {there}")
        return [kind] if kind != train else []
    return [kind for kind in ("test", "val") if kind in splits]
