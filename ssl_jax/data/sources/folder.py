"""A folder of image files, with or without class folders.

    PATH/train/CLASS/*.png   PATH/test/CLASS/*.png     (or PATH/val, PATH/validation)
    PATH/CLASS/*.png                                   a tenth becomes the test set
    PATH/*.png                                         unlabelled: no test set

A set is labelled where it has at least two class folders and no image lies beside them. Files
and folders whose name starts with a dot are left out; links to folders are followed.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from ssl_jax.data.dataset import Dataset, take, with_test
from ssl_jax.data.decode import SUFFIXES
from ssl_jax.data.files import Files, find_unreadable
from ssl_jax.errors import UserError


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset | None]:
    """(train, test) with images that stay in their files, RGB unless `channels` is 1.

    Raises:
      UserError: where there is no such folder, no image in it or in a class folder, none that
        can be read, or where images differ in size and `image_size` is 0.
    """
    root = os.path.abspath(os.path.expanduser(path))
    if not path or not os.path.isdir(root):
        raise UserError(f"config.data.path {path!r} must be a folder of images")
    if channels not in (0, 1, 3):
        raise UserError(f"config.data.channels {channels} must be 1 (grey) or 3 (RGB) for files")
    files = Files(root=root, names=(), sizes=(), image_size=image_size, channels=channels or 3)
    if not os.path.isdir(os.path.join(root, "train")):
        return with_test(_readable(_list(files, "", known=())))
    train = _readable(_list(files, "train", known=()))
    if train.labels is None:
        return train, None
    files = dataclasses.replace(files, image_size=train.images.shape[1])
    # Published sets often have an unlabelled `test` beside a labelled `val`.
    for part in ("test", "val", "validation"):
        if os.path.isdir(os.path.join(root, part)):
            test = _list(files, part, known=train.classes)
            if test.labels is not None:
                return train, _readable(test)
    return with_test(train)


def _list(files: Files, part: str, *, known: tuple[str, ...]) -> Dataset:
    """The images below root/part, readable or not; `known` are the classes, () to find them."""
    folder = os.path.normpath(os.path.join(files.root, part))
    found = sorted(_find(folder, "", (os.path.realpath(folder),)))
    if not found:
        raise UserError(f"{folder} holds no image files")
    names, sizes = zip(*found, strict=True)
    classes = _classes(folder, names, known)
    labels = None
    if classes:
        number = {name: index for index, name in enumerate(classes)}
        labels = np.array([number[_first(name)] for name in names], np.int32)
    names = tuple(os.path.join(part, name) for name in names)
    return Dataset(dataclasses.replace(files, names=names, sizes=sizes), labels, classes)


def _find(folder: str, below: str, above: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """(name relative to the folder first asked for, bytes) of the image files below `folder`.

    below: the folder's own relative name; above: the real paths of it and the folders that it
    lies in, which a link may not lead back to.
    """
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        name = os.path.join(below, entry.name)
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if real not in above:
                yield from _find(entry.path, name, (*above, real))
        elif pathlib.PurePath(name).suffix.lower() in SUFFIXES:
            # A link that leads nowhere is an unreadable file like others.
            yield name, entry.stat().st_size if entry.is_file() else 0


def _classes(folder: str, names: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """The class folders, in the order of their labels; none where the set is unlabelled."""
    folders = sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    used = {_first(name) for name in names}
    if used - set(folders):  # images beside the folders
        return ()
    if len(folders) < 2 if not known else not set(folders) & set(known):
        return ()
    for name in folders:
        if name not in used:
            raise UserError(f"class folder {os.path.join(folder, name)} holds no image files")
        if known and name not in known:
            raise UserError(f"{os.path.join(folder, name)} is not a class of the training set")
    return known or tuple(folders)


def _first(name: str) -> str:
    return pathlib.PurePath(name).parts[0]


def _readable(dataset: Dataset) -> Dataset:
    """The data set without its unreadable files, which it lists, at the size of the others."""
    files = dataset.images
    assert isinstance(files, Files)
    unreadable, side = find_unreadable(files)
    keep = np.array([i for i, name in enumerate(files.names) if name not in unreadable], np.int64)
    if not len(keep):
        raise UserError(
            f"none of the {len(files)} image files in {files.root} can be read, "
            f"the first being {files.names[0]}"
        )
    if not side:
        raise UserError(
            f"the images in {files.root} are not squares of one size: "
            "config.data.image_size must say to which size they are brought"
        )
    files = dataclasses.replace(files, image_size=side)
    return take(dataset._replace(images=files, skipped=tuple(sorted(unreadable))), keep)
