"""How a folder of images is laid out: where its splits lie, or that it has none."""

import os
from typing import NamedTuple

from ssl_jax.data.listing import find_files, holds_images, subfolders
from ssl_jax.data.skipped import some
from ssl_jax.data.split_names import splits_among
from ssl_jax.errors import Problem, UserError

# Beside a folder that is called as the key, folders called as these hold no images of the set.
PICTURES = ("images", "image", "imgs", "img", "jpegimages", "jpg", "photos", "pictures", "data")
BESIDE = (
    *("annotations", "annotation", "labels", "label", "masks", "mask", "segmentations", "trimaps"),
    *("segmentationclass", "segmentationobject", "bboxes", "bounding_boxes", "groundtruth", "gt"),
    *("attributes", "parts", "docs", "imagesets"),
)
# How a competition nests what it hands out: lists lie this far above.
KAGGLE = os.path.join("ILSVRC", "Data", "CLS-LOC")


class Layout(NamedTuple):
    """Where the images of a set lie.

    root: folder that contains the splits or class folders, or the images themselves.
    train: name of the folder of training images below it; "" where there are no splits.
    tests: names of the folders to test on, those called test before those called val.
    around: folders that may hold lists of labels for a split, the nearest first.
    notes: what was decided, a line each.
    """

    root: str
    train: str
    tests: tuple[str, ...]
    around: tuple[str, ...]
    notes: tuple[str, ...]


def find_layout(path: str, *, listed: tuple[str, ...] = ()) -> Layout:
    """Looks at the names of the folders in `path`, and steps into a single one.

    Args:
      path: the folder that the user named.
      listed: class folders that the user listed; such a folder is no split.

    Raises:
      UserError: if splits are mixed with other folders of images, if a split to test on has none
        to train on, or if the sets seem to lie one level below.
    """
    around, notes = [path], []
    while True:
        names = [] if listed and _all_in(path, listed) else subfolders(path)
        splits = splits_among([name for name in names if name not in listed])
        names = _without_lists(path, names, notes)
        if "train" in splits:
            return _with_splits(path, names, splits, around, notes)
        if splits and any(holds_images(os.path.join(path, name)) for name in _flat(splits)):
            raise _no_train(path, splits)
        holding = _holding(path, names)
        if len(holding) != 1 or not _is_the_set(path, holding[0]):
            _check_level(path, holding)
            return Layout(path, "", (), tuple(around), tuple(notes))
        notes.append(f"{path} holds one folder of images, {holding[0]}: taken as the set")
        notes += _strays(path)
        path = os.path.join(path, holding[0])
        around.insert(0, path)


def step_into(folder: str, classes: tuple[str, ...]) -> str:
    """The folder itself, or where it holds nothing but one folder of images, that one.

    Args:
      folder: of a split.
      classes: names that are class folders even if there is only one.
    """
    while True:
        names = _holding(folder, _without_lists(folder, subfolders(folder), []))
        if len(names) != 1 or names[0] in classes or not _is_the_set(folder, names[0]):
            return folder
        folder = os.path.join(folder, names[0])


def _with_splits(
    path: str, names: list[str], splits: dict[str, list[str]], around: list[str], notes: list[str]
) -> Layout:
    kinds = {kind: _holding(path, found) for kind, found in splits.items()}
    train = kinds.get("train", [])
    if not train:
        raise UserError(f"{os.path.join(path, splits['train'][0])} contains no image files")
    if len(train) > 1:
        what = f"has several folders of training images: {', '.join(train)}"
        raise _problem(path, what, "leave one of them there")
    others = _holding(path, [name for name in names if name not in _flat(splits)])
    if others:
        what = f"mixes splits ({', '.join(_flat(splits))}) with other folders of images: "
        raise _problem(
            path,
            what + some(others),
            "move those away, or list the class folders in a file, --config.data.classes=FILE",
        )
    notes += _strays(path)
    for name in kinds.get("unlabelled", []):
        notes.append(f"{os.path.join(path, name)} is not used; to train on it, give its path")
    tests = (*kinds.get("test", ()), *kinds.get("val", ()))
    above = [os.path.join(path, "..", "..", "..")] if path.endswith(KAGGLE) else []
    folders = dict.fromkeys(map(os.path.normpath, (*around, *above)))
    return Layout(path, train[0], tests, tuple(folders), tuple(notes))


def _check_level(path: str, names: list[str]) -> None:
    """Refuses folders that hold whole sets in place of the images of a class."""
    for name in names:
        below = step_into(os.path.join(path, name), ())
        splits = splits_among(subfolders(below))
        if "train" in splits and len(splits) > 1:
            what = f"holds several folders, and {name} has splits ({', '.join(_flat(splits))})"
            raise _problem(path, what, f"give the folder of the set itself, as {below}")


def _no_train(path: str, splits: dict[str, list[str]]) -> UserError:
    names = ", ".join(_flat(splits))
    remedy = "name the training images train, or, if these are classes, list the class folders in "
    return _problem(
        path, f"has no training images, only {names}", remedy + "a file, --config.data.classes=FILE"
    )


def _without_lists(path: str, names: list[str], notes: list[str]) -> list[str]:
    """The folders without those of annotations, where one beside them is called images."""
    if not any(name.lower() in PICTURES for name in names):
        return names
    beside = [name for name in names if name.lower() in BESIDE]
    if held := _holding(path, beside):
        notes.append(f"left out in {path}, not images to learn from: {some(held)}")
    return [name for name in names if name not in beside]


def _is_the_set(path: str, name: str) -> bool:
    """Whether the only folder with images is the set: nothing beside it, or it has classes."""
    if next(find_files(path, deep=False), None) is None:
        return True
    inside = os.path.join(path, name)
    return len(_holding(inside, subfolders(inside))) > 1


def _strays(path: str) -> list[str]:
    """A note on the images that lie beside the folders of a set."""
    names = sorted(name for name, _ in find_files(path, deep=False))
    return [f"left out in {path}, beside the folders of the set: {some(names)}"] if names else []


def _holding(path: str, names: list[str]) -> list[str]:
    return [name for name in names if holds_images(os.path.join(path, name))]


def _flat(splits: dict[str, list[str]]) -> list[str]:
    return [name for found in splits.values() for name in found]


def _all_in(path: str, names: tuple[str, ...]) -> bool:
    return all(os.path.isdir(os.path.join(path, name)) for name in names)


def _problem(path: str, what: str, remedy: str) -> UserError:
    problem = Problem("path", path, what, remedy)
    return UserError(f"{problem}; {remedy}", problem)
