"""Shards of records that `python -m ssl_jax.prepare` has written, read at random positions.

They hold the images, labels, classes and split of the set that they were prepared from, in its
order. A missing, truncated or changed shard is refused by name.
"""

from pathlib import Path

import numpy as np

from ssl_jax.data.class_folders import find
from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.records import images, manifest
from ssl_jax.data.splits import with_test
from ssl_jax.data.text_files import read_classes
from ssl_jax.errors import Problem, UserError, require


def load(
    *, path: str, image_size: int, channels: int, classes: str = ""
) -> tuple[Dataset, Dataset | None]:
    """Loads the images, which stay in their shards.

    Args:
      path: the folder that holds manifest.json.
      image_size: side in pixels that images are resized to.
      channels: 1 (grey) or 3 (RGB); 0 means 3.
      classes: a text file with the name of one class per line; "" uses all classes.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if the folder is not one of records, or a shard of it is not as it was written.
    """
    folder = Path(path).expanduser().absolute()
    rule = f"must be a folder of records, which has {manifest.FILE}; see ssl_jax.prepare"
    require(bool(path) and (folder / manifest.FILE).is_file(), "path", path, rule)
    require(image_size > 0, "image_size", image_size, "must be a side in pixels")
    require(channels in (0, 1, 3), "channels", channels, "must be 1 (grey) or 3 (RGB)")
    found = manifest.read(folder)
    options = {"image_size": image_size, "channels": channels or 3}
    parts = {name: images.dataset(str(folder), found, name, **options) for name in found.splits}
    if classes:
        kept = _listed(classes, found.classes)
        parts = {name: _only(part, kept) for name, part in parts.items()}
    if "test" in parts:
        return parts["train"], parts["test"]
    return with_test(parts["train"])


def _listed(file: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes that a file lists, by name or as "name description"; sorted."""
    try:
        lines = read_classes(file)
    except UserError as error:
        problem = Problem("classes", file, f"is not a list of classes: {error}")
        raise UserError(str(problem), problem) from error
    kept = {line: find(line, classes) or find(line.split()[0], classes) for line in lines}
    missing = [line for line, name in kept.items() if not name]
    rule = f"lists {missing[:1]}, which is not one of the {len(classes)} classes of the records"
    require(not missing, "classes", file, rule)
    return tuple(sorted(set(kept.values())))


def _only(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """The images of some classes, which are numbered in the order of `classes`."""
    assert dataset.labels is not None
    number = {name: index for index, name in enumerate(classes)}
    numbers = np.array([number.get(name, -1) for name in dataset.classes], np.int32)
    labels = numbers[dataset.labels]
    return take(dataset._replace(labels=labels, classes=classes), np.flatnonzero(labels >= 0))
