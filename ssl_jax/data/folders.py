"""Image files below a folder as a data set, labelled by their class folders."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.decode import SUFFIXES
from ssl_jax.data.files import ImageFiles, find_unreadable
from ssl_jax.data.skipped import none_readable
from ssl_jax.errors import UserError, require


def open_folder(path: str, *, image_size: int, channels: int) -> ImageFiles:
    """Opens a folder of images without listing its files yet, which `find_images` does.

    Args:
      path: the folder.
      image_size: side in pixels to decode to; 0 keeps the stored size.
      channels: 1 (grey), or 3 or 0 (RGB).

    Raises:
      UserError: if there is no such folder, or for another number of channels.
    """
    root = os.path.abspath(os.path.expanduser(path))
    require(bool(path) and os.path.isdir(root), "path", path, "must be a folder of images")
    rule = "must be 1 (grey) or 3 (RGB) for image files"
    require(channels in (0, 1, 3), "channels", channels, rule)
    return ImageFiles(root=root, names=(), sizes=(), image_size=image_size, channels=channels or 3)


def read_lines(file: str | pathlib.Path) -> list[str]:
    """The lines of a text file in UTF-8.

    Raises:
      UserError: if the file cannot be read.
    """
    try:
        return pathlib.Path(file).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error


def read_classes(file: str | pathlib.Path) -> tuple[str, ...]:
    """Reads a list of class folders: one name per line, with comments after "#".

    Returns:
      The names, sorted.

    Raises:
      UserError: if the file cannot be read, a name is a path or appears twice, or there are fewer
        than two names.
    """
    names = [name for line in read_lines(file) if (name := line.partition("#")[0].strip())]
    if len(names) < 2:
        raise UserError(f"{file} must name at least two class folders")
    for name, count in collections.Counter(names).items():
        if count > 1:
            raise UserError(f"{file} names {name} {count} times")
        if pathlib.PurePath(name).name != name:
            raise UserError(f"{file} must contain plain folder names, not {name!r}")
    return tuple(sorted(names))


def find_images(
    files: ImageFiles, part: str, *, classes: tuple[str, ...] = (), listed: tuple[str, ...] = ()
) -> Dataset:
    """The images below root/part, readable or not, sorted by name.

    Args:
      files: the root, and the size and channels to decode to; its own list of files is ignored.
      part: a folder below the root; "" for the root itself.
      classes: of the training set, for the labels of a test set; () takes the folders' names.
      listed: class folders to which the search is limited, all of which must exist; () takes all.

    Raises:
      UserError: if there are no images, if a class folder has none, or if a listed folder is
        missing.
    """
    folder = os.path.normpath(os.path.join(files.root, part))
    names_and_sizes = []
    for name in listed or ("",):
        class_folder = os.path.join(folder, name)
        if not os.path.isdir(class_folder):
            raise UserError(f"{folder} has no folder for class {name}, which is listed")
        above = (os.path.realpath(folder), os.path.realpath(class_folder))
        names_and_sizes += _find(class_folder, name, above)
    if not names_and_sizes:
        raise UserError(f"{folder} contains no image files")
    names, sizes = zip(*sorted(names_and_sizes), strict=True)
    classes = _classes(folder, names, classes, listed)
    labels = None
    if classes:
        number = {name: index for index, name in enumerate(classes)}
        labels = np.array([number[_first(name)] for name in names], np.int32)
    names = tuple(os.path.join(part, name) for name in names)
    return Dataset(dataclasses.replace(files, names=names, sizes=sizes), labels, classes)


def list_images(folder: str) -> list[str]:
    """Paths of the image files below `folder`, relative to it and sorted; readable or not.

    Raises:
      UserError: if there are none, or a folder cannot be read.
    """
    names = sorted(name for name, _ in _find(folder, "", (os.path.realpath(folder),)))
    if not names:
        raise UserError(f"{folder} contains no image files")
    return names


def _find(folder: str, below: str, above: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Searches a folder and its subfolders for image files.

    Args:
      folder: where to search.
      below: path of `folder` relative to the folder where the search began.
      above: real paths of `folder` and of the folders around it; links back to these are ignored.

    Yields:
      (path relative to the folder where the search began, size in bytes) of each file.
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
            # A broken link counts as an unreadable file.
            yield name, entry.stat().st_size if entry.is_file() else 0


def _classes(
    folder: str, names: tuple[str, ...], classes: tuple[str, ...], listed: tuple[str, ...]
) -> tuple[str, ...]:
    """The classes in the order of their labels; () for an unlabelled set.

    See `find_images` for `classes` and `listed`; `names` are the files below `folder`.
    """
    folders = listed or sorted(
        e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != "."
    )
    used = {_first(name) for name in names}
    if used - set(folders):  # there are images beside the folders
        return ()
    if len(folders) < 2 if not classes else not set(folders) & set(classes):
        return ()
    for name in folders:
        if name not in used:
            raise UserError(f"class folder {os.path.join(folder, name)} contains no image files")
        if classes and name not in classes:
            raise UserError(f"{os.path.join(folder, name)} is not a class of the training set")
    return classes or tuple(folders)


def _first(name: str) -> str:
    return pathlib.PurePath(name).parts[0]


def readable(dataset: Dataset) -> Dataset:
    """Moves the unreadable files of a data set to its list of skipped files.

    Without an image size, the images take the common size of the stored ones.

    Raises:
      UserError: if no file can be read, or if images differ in size and no size is set.
    """
    files = dataset.images
    assert isinstance(files, ImageFiles)
    unreadable, side = find_unreadable(files)
    keep = np.array([i for i, name in enumerate(files.names) if name not in unreadable], np.int64)
    if not len(keep):
        raise UserError(none_readable(files.root, files.names))
    rule = f"must be a side in pixels: the images in {files.root} are not squares of one size"
    require(side > 0, "image_size", files.image_size, rule)
    files = dataclasses.replace(files, image_size=side)
    return take(dataset._replace(images=files, skipped=tuple(sorted(unreadable))), keep)
