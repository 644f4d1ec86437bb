"""Image files below a folder as a data set, labelled by their class folders."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ssl_jax.data import class_folders
from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.depth import ValueRange, range_problem
from ssl_jax.data.files import ImageFiles, find_unreadable
from ssl_jax.data.layout import step_into
from ssl_jax.data.listing import ARRAYS, NOT_IMAGES, LeftOut, find_files, subfolders, suffix_of
from ssl_jax.data.pixel_rule import MAX_PIXELS, PixelRule
from ssl_jax.data.skipped import none_readable, some
from ssl_jax.data.survey import surveyed
from ssl_jax.errors import UserError, refuse, require


class Found(NamedTuple):
    """The images below the folder of a set or split.

    folder: where they lie.
    files: (path below `folder`, size in bytes), sorted.
    notes: what was left out.
    empty: folders in which there are no images, though something else.
    """

    folder: str
    files: list[tuple[str, int]]
    notes: list[str]
    empty: list[str]


def open_folder(
    path: str,
    *,
    image_size: int,
    channels: int,
    value_range: ValueRange = (),
    max_pixels: int = 0,
) -> ImageFiles:
    """Opens a folder of images without listing its files yet, which `find_images` does.

    Args:
      path: the folder.
      image_size: side in pixels to decode to; 0 keeps the stored size.
      channels: 1 (grey), 3 (RGB), or those of arrays and TIFFs; 0 for RGB, or those of arrays.
      value_range: (black, white) of pixels that are not of 8 bits; () for that of their type.
      max_pixels: that an image may have; 0 for the usual limit.

    Raises:
      UserError: if there is no such folder, or the range is none.
    """
    refuse(filter(None, [range_problem(value_range)]))
    root = os.path.abspath(os.path.expanduser(path))
    require(bool(path) and os.path.isdir(root), "path", path, "must be a folder of images")
    require(channels >= 0, "channels", channels, "must be 1 (grey), 3 (RGB) or those of arrays")
    rule = PixelRule(tuple(value_range), (), max_pixels or MAX_PIXELS)
    options = {"image_size": image_size, "channels": channels, "rule": rule}
    return ImageFiles(root=root, names=(), sizes=(), **options)


def find_images(
    files: ImageFiles, part: str, *, classes: tuple[str, ...] = (), listed: tuple[str, ...] = ()
) -> Dataset:
    """The images below root/part, readable or not, sorted by name.

    They are labelled by the folders in it. Images that lie beside class folders are left out, and a
    note names them; without class folders the set is unlabelled.

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
    found = _find_listed(folder, listed) if listed else _find(folder, classes)
    if not found.files:
        raise UserError("; ".join([f"{folder} contains no image files", *found.notes]))
    class_of = _classes(found, classes, listed)
    notes = list(found.notes)
    kept = found.files
    if class_of:
        kept = [file for file in found.files if _first(file[0]) in class_of]
        strays = [name for name, _ in found.files if _first(name) not in class_of]
        if strays:
            notes.append(f"left out beside the class folders in {found.folder}: {some(strays)}")
        notes += _class_notes(found.folder, kept, class_of)
    names, sizes = zip(*kept, strict=True)
    order = classes or tuple(sorted(set(class_of.values())))
    number = {name: index for index, name in enumerate(order)}
    labels = None
    if class_of:
        labels = np.array([number[class_of[_first(name)]] for name in names], np.int32)
    below = os.path.relpath(found.folder, files.root)
    names = tuple(os.path.normpath(os.path.join(below, name)) for name in names)
    images = dataclasses.replace(files, names=names, sizes=sizes)
    classes = order if class_of else ()
    return Dataset(images, labels, classes, origin=found.folder, notes=tuple(notes))


def list_images(folder: str) -> list[str]:
    """Paths of the image files below `folder`, relative to it and sorted; readable or not.

    Raises:
      UserError: if there are none, or a folder cannot be read.
    """
    files = _one_kind(sorted(find_files(folder)), LeftOut())
    if not files:
        raise UserError(f"{folder} contains no image files")
    return [name for name, _ in files]


def _find(folder: str, classes: tuple[str, ...]) -> Found:
    """All images below a folder, or below the only folder in it."""
    inside = step_into(folder, classes)
    left = LeftOut()
    files = _one_kind(sorted(find_files(inside, left=left)), left)
    notes = [] if inside == folder else [f"{folder} holds one folder of images: {inside}"]
    used = {_first(name) for name, _ in files}
    empty = [name for name in subfolders(inside) if name not in used]
    return Found(inside, files, notes + list(left.notes(inside)), empty)


def _find_listed(folder: str, listed: tuple[str, ...]) -> Found:
    """The images below the listed class folders; others are not even looked into."""
    left, files = LeftOut(), []
    for name in class_folders.match(listed, folder):
        found = list(find_files(os.path.join(folder, name), name, left))
        if not found:
            raise UserError(f"class folder {os.path.join(folder, name)} contains no image files")
        files += found
    return Found(folder, _one_kind(sorted(files), left), list(left.notes(folder)), [])


def _one_kind(files: list[tuple[str, int]], left: LeftOut) -> list[tuple[str, int]]:
    """Arrays are images where there are no others."""
    images = [file for file in files if suffix_of(file[0]) != ARRAYS]
    if images and len(images) < len(files):
        left.suffixes[ARRAYS] += len(files) - len(images)
    return images or files


def _classes(found: Found, classes: tuple[str, ...], listed: tuple[str, ...]) -> dict[str, str]:
    """{class folder: class}; {} for an unlabelled set. See `find_images`."""
    used = sorted({_first(name) for name, _ in found.files if os.sep in name})
    if listed and not classes:
        return dict(zip(used, used, strict=True))
    if not classes:
        if len(used) < 2:
            return {}
        for name in found.empty:
            _check_empty(os.path.join(found.folder, name))
        return dict(zip(used, used, strict=True))
    class_of = {name: class_folders.find(name, classes) for name in used}
    if not any(class_of.values()):
        return {}
    for name, known in class_of.items():
        if not known:
            raise UserError(
                f"{os.path.join(found.folder, name)} is not a class of the training set"
            )
    return class_of


def _check_empty(folder: str) -> None:
    """Refuses a class folder without images; one of nothing but texts is no class."""
    left = LeftOut()
    list(find_files(folder, left=left))
    if not left.suffixes or set(left.suffixes) - NOT_IMAGES:
        notes = "".join(f"; {note}" for note in left.notes(folder))
        raise UserError(f"class folder {folder} contains no image files{notes}")


def _class_notes(
    folder: str, files: list[tuple[str, int]], class_of: dict[str, str]
) -> Iterator[str]:
    """What the owner may have meant otherwise."""
    renamed = [f"{name} as {known}" for name, known in class_of.items() if name != known]
    if renamed:
        yield f"folders in {folder} are taken for classes of train: {some(renamed)}"
    if (same := class_folders.alike(list(class_of.values()))) and len(set(same)) == len(same):
        yield f"class folders in {folder} differ in nothing but case: {some(same)}"
    inner: dict[str, set[str]] = {}
    for name, _ in files:
        parts = pathlib.PurePath(name).parts
        if len(parts) > 2:
            inner.setdefault(parts[0], set()).add(parts[1])
    several = [f"{name}/{min(inside)}" for name, inside in inner.items() if len(inside) > 1]
    if several:
        yield f"class folders in {folder} have folders of their own, which are not told apart: " + (
            some(several)
        )


def _first(name: str) -> str:
    return name.partition(os.sep)[0]


def readable(dataset: Dataset, *, like: Dataset | None = None) -> Dataset:
    """Moves the files of a data set that are no images to its list of skipped files.

    Only headers are read, and some images, to find out how pixels of other types than 8 bits are
    scaled, and the number of channels of arrays. Without an image size, images take the common size
    of the stored ones.

    Args:
      dataset: image files.
      like: the training set, as whose images those of a test set are decoded.

    Raises:
      UserError: if no file can be read, or if images differ in size and no size is set.
    """
    dataset = surveyed(dataset) if like is None else decoded_as(dataset, like)
    files = dataset.images
    assert isinstance(files, ImageFiles)
    unreadable, common = find_unreadable(files)
    side = files.image_size or common
    skipped = tuple(sorted(unreadable))
    reasons = tuple(unreadable[name] for name in skipped)
    keep = np.array([i for i, name in enumerate(files.names) if name not in unreadable], np.int64)
    if not len(keep):
        raise UserError(none_readable(files.root, skipped, reasons))
    rule = f"must be a side in pixels: the images in {files.root} are not squares of one size"
    require(side > 0, "image_size", files.image_size, rule)
    files = dataclasses.replace(files, image_size=side, uniform=side == common)
    return take(dataset._replace(images=files, skipped=skipped, reasons=reasons), keep)


def decoded_as(dataset: Dataset, train: Dataset) -> Dataset:
    """The image files of a data set, decoded as those of the training set."""
    files, like = dataset.images, train.images
    assert isinstance(files, ImageFiles) and isinstance(like, ImageFiles)
    options = {"image_size": like.image_size, "channels": like.channels, "rule": like.rule}
    return dataset._replace(images=dataclasses.replace(files, **options))
