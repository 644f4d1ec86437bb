"""Image files below a folder as a data set, with their class folders as labels."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.decode import SUFFIXES
from ssl_jax.data.files import Files, find_unreadable
from ssl_jax.errors import UserError


def open_folder(path: str, *, image_size: int, channels: int) -> Files:
    """No files yet of the folder `path`, to be decoded as asked; 0 channels are 3.

    Raises:
      UserError: where there is no such folder or no such number of channels.
    """
    root = os.path.abspath(os.path.expanduser(path))
    if not path or not os.path.isdir(root):
        raise UserError(f"config.data.path {path!r} must be a folder of images")
    if channels not in (0, 1, 3):
        raise UserError(f"config.data.channels {channels} must be 1 (grey) or 3 (RGB) for files")
    return Files(root=root, names=(), sizes=(), image_size=image_size, channels=channels or 3)


def read_lines(file: str | pathlib.Path) -> list[str]:
    """The lines of a text file.

    Raises:
      UserError: where it cannot be read.
    """
    try:
        return pathlib.Path(file).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error


def read_classes(file: str | pathlib.Path) -> tuple[str, ...]:
    """The sorted names of class folders in a text file, one a line; "#" begins a comment.

    Raises:
      UserError: where the file cannot be read, a name is a path or appears twice, or there are
        fewer than two names.
    """
    names = [name for line in read_lines(file) if (name := line.partition("#")[0].strip())]
    if len(names) < 2:
        raise UserError(f"the list of classes {file} must name at least two class folders")
    for name, times in collections.Counter(names).items():
        if times > 1:
            raise UserError(f"the list of classes {file} names {name} {times} times")
        if pathlib.PurePath(name).name != name:
            raise UserError(f"the list of classes {file} must have names of folders, not {name!r}")
    return tuple(sorted(names))


def find_images(
    files: Files, part: str, *, known: tuple[str, ...] = (), wanted: tuple[str, ...] = ()
) -> Dataset:
    """The images below root/part, readable or not, sorted by name.

    Args:
      files: says where the root is and how to decode.
      part: a folder below the root, "" for the root.
      known: the classes that there are; () finds them.
      wanted: class folders that must be there and to which the search is limited; () takes all.

    Raises:
      UserError: where there are no images or none in a class folder, or a wanted one is missing.
    """
    folder = os.path.normpath(os.path.join(files.root, part))
    found = []
    for name in wanted or ("",):
        place = os.path.join(folder, name)
        if not os.path.isdir(place):
            raise UserError(f"{folder} lacks the folder of class {name}, which is listed")
        found += _find(place, name, (os.path.realpath(folder), os.path.realpath(place)))
    if not found:
        raise UserError(f"{folder} holds no image files")
    names, sizes = zip(*sorted(found), strict=True)
    classes = _classes(folder, names, known, wanted)
    labels = None
    if classes:
        number = {name: index for index, name in enumerate(classes)}
        labels = np.array([number[_first(name)] for name in names], np.int32)
    names = tuple(os.path.join(part, name) for name in names)
    return Dataset(dataclasses.replace(files, names=names, sizes=sizes), labels, classes)


def list_images(folder: str) -> list[str]:
    """The image files below `folder`, readable or not, sorted: paths relative to it.

    Raises:
      UserError: where there are none, or a folder cannot be read.
    """
    names = sorted(name for name, _ in _find(folder, "", (os.path.realpath(folder),)))
    if not names:
        raise UserError(f"{folder} holds no image files")
    return names


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


def _classes(
    folder: str, names: tuple[str, ...], known: tuple[str, ...], wanted: tuple[str, ...]
) -> tuple[str, ...]:
    """The class folders, in the order of their labels; none where the set is unlabelled."""
    folders = wanted or sorted(
        e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != "."
    )
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


def readable(dataset: Dataset) -> Dataset:
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
