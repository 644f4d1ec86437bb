"""A folder of image files, with or without class folders, or a list of image files.

    PATH/train/CLASS/*.png   PATH/test/CLASS/*.png     (or val; other names are in split_names.py)
    PATH/train/CLASS/*.png   PATH/val/*.png            (with a list of labels, as of ImageNet)
    PATH/CLASS/*.png                                   (a tenth becomes the test set)
    PATH/*.png                                         (unlabelled: no test set)
    PATH, a file                                       (see list.py)

A set is labelled if it has at least two class folders. What was taken as what, and what was left
out, is in `origin` and `notes` of the data sets. Links to folders are followed.

With a list of classes, only the listed class folders are read: ImageNet-100 is the folder of
ImageNet with a list of 100 classes. Several such lists exist; the usual one is imagenet100.txt in
the repository of CMC (Tian, Krishnan, Isola, arXiv 1906.05849).
"""

import dataclasses
import os
from typing import Any

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.depth import ValueRange
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.label_files import labelled
from ssl_jax.data.layout import Layout, find_layout
from ssl_jax.data.sources import list as lists
from ssl_jax.data.split_names import split_of
from ssl_jax.data.splits import with_test
from ssl_jax.data.text_files import read_classes
from ssl_jax.errors import Problem, UserError, require

# The lists that ImageNet's validation images come with.
OFFICIAL = "ILSVRC2012_validation_ground_truth.txt and LOC_val_solution.csv are read, too"


def load(
    *,
    path: str,
    image_size: int,
    channels: int,
    classes: str = "",
    test: str = "",
    value_range: ValueRange = (),
    max_pixels: int = 0,
) -> tuple[Dataset, Dataset | None]:
    """Loads the images of a folder, which stay in their files.

    Args:
      path: the folder, or a list of files.
      image_size: side in pixels that images are resized to; 0 if all are squares of one size.
      channels: 1 (grey), 3 (RGB), or those of arrays and TIFFs; 0 means 3, or those of arrays.
      classes: a text file with the name of one class folder per line; "" uses all class folders.
        Labels follow the sorted names, not the order of the lines.
      test: name of the folder to test on; "train" for a tenth of the training images; "" for the
        first labelled one of those called test and val.
      value_range: (black, white) of pixels that are not of 8 bits; () for that of their type.
      max_pixels: that an image may have; 0 for the usual limit.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if there is no such folder; if it or a class folder contains no images, or none
        that can be read; if its splits are not told apart, or have no labels; if images differ in
        size and `image_size` is 0; if the list of classes cannot be read, or a split lacks a listed
        class.
    """
    options: dict[str, Any] = {"image_size": image_size, "channels": channels}
    options |= {"value_range": value_range, "max_pixels": max_pixels}
    if os.path.isfile(os.path.expanduser(path)):
        require(not classes, "classes", classes, "must be empty for a list of files")
        return lists.load(path=path, test=test, **options)
    files = folders.open_folder(path, **options)
    listed = _listed(classes)
    layout = find_layout(files.root, listed=listed)
    files = dataclasses.replace(files, root=layout.root)
    if not layout.train:
        return _without_splits(files, layout, listed, test)
    train = _part(files, layout, layout.train, listed=listed)
    train = folders.readable(train._replace(notes=(*layout.notes, *train.notes)))
    if train.labels is None:
        unused = [f"{name}/ is not used: train has no labels" for name in layout.tests]
        return train._replace(notes=(*train.notes, *unused)), None
    if test == "train" or not (names := _to_test(layout, test)):
        return with_test(train)
    return _tested(train, files, layout, names, listed)


def _without_splits(
    files: ImageFiles, layout: Layout, listed: tuple[str, ...], test: str
) -> tuple[Dataset, Dataset | None]:
    """A set in class folders, or unlabelled, or labelled by lists in the folder."""
    require(test in ("", "train"), "test", test, f"is no folder of {layout.root}, without splits")
    found = folders.find_images(files, "", listed=listed)
    found = found._replace(notes=(*layout.notes, *found.notes))
    if found.labels is not None:
        return with_test(folders.readable(found))
    train = labelled(found, "train", layout.around)
    if train is None:
        return folders.readable(found), None
    train = folders.readable(train)
    found = found._replace(notes=())
    for kind in () if test else ("test", "val"):
        part = labelled(found, kind, layout.around, classes=train.classes)
        if part is not None:
            return train, folders.readable(part, like=train)
    return with_test(train)


def _tested(
    train: Dataset,
    files: ImageFiles,
    layout: Layout,
    names: tuple[str, ...],
    listed: tuple[str, ...],
) -> tuple[Dataset, Dataset]:
    """The training images, and the first folder to test on that has labels."""
    for name in names:
        part = _part(files, layout, name, classes=train.classes, listed=listed)
        if part.labels is not None:
            others = [other for other in layout.tests if other != name]
            advice = "is not used; --config.data.test="
            unused = [f"{other}/ {advice}{other} tests on it" for other in others]
            train = train._replace(notes=(*train.notes, *unused))
            return train, folders.readable(part, like=train)
    place = os.path.join(layout.root, names[-1])
    what = (
        f"is not given, and {place} has images without labels: sort them into the class folders "
        f"of train, or put {place}.csv with path,label beside it ({OFFICIAL}), or test on a tenth "
        "of train with --config.data.test=train"
    )
    problem = Problem("test", None, what)
    raise UserError(str(problem), problem)


def _part(
    files: ImageFiles,
    layout: Layout,
    name: str,
    *,
    classes: tuple[str, ...] = (),
    listed: tuple[str, ...] = (),
) -> Dataset:
    """The images of a split, labelled by class folders or by a list."""
    folder = os.path.join(layout.root, name)
    if listed and not _has_folders(folder, listed):
        if not classes:  # says which folder is missing
            return folders.find_images(files, name, listed=listed)
        listed = ()
    part = folders.find_images(files, name, classes=classes, listed=listed)
    if part.labels is not None:
        return part
    around = (folder, *layout.around)
    found = labelled(part, split_of(name) or "test", around, classes=classes)
    return part if found is None else found


def _has_folders(folder: str, listed: tuple[str, ...]) -> bool:
    words = {word for name in listed for word in (name, name.split()[0])}
    return any(os.path.isdir(os.path.join(folder, word)) for word in words)


def _to_test(layout: Layout, test: str) -> tuple[str, ...]:
    """The folders to look for a test set in, the first one that is labelled."""
    if not test:
        return layout.tests
    named = [name for name in layout.tests if name.lower() == test.lower()]
    if not named and os.path.isdir(os.path.join(layout.root, test)):
        named = [test]
    there = ", ".join(layout.tests) or "none"
    require(bool(named), "test", test, f"must be a folder to test on in {layout.root}: {there}")
    return tuple(named)


def _listed(classes: str) -> tuple[str, ...]:
    """The class folders that the file `classes` lists; () without a file."""
    try:
        return read_classes(classes) if classes else ()
    except UserError as error:
        problem = Problem("classes", classes, f"is not a list of class folders: {error}")
        raise UserError(str(problem), problem) from error
