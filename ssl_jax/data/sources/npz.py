"""Arrays in .npz archives: images [N, H, W, C], [N, C, H, W] or [N, H, W], with or without labels.

    PATH/train.npz  PATH/test.npz   image(s), x or data; label(s), y or target(s); arr_0 and arr_1
    PATH.npz                        the same, or for each split: train_images, x_train, ...

The archives of MedMNIST and Keras are read as they are. Labels are of any type that names classes;
classes are numbered over the values that occur. Without images to test on, a tenth of a labelled
training set becomes the test set.
"""

import os
import re
import zipfile
import zlib

import numpy as np

from ssl_jax.data import depth
from ssl_jax.data.array_images import to_images
from ssl_jax.data.array_labels import is_one_hot, plain_labels, to_classes, to_presence
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.skipped import some
from ssl_jax.data.split_names import KIND_OF, split_of
from ssl_jax.data.splits import with_test
from ssl_jax.errors import UserError, refuse, require

IMAGES = ("image", "images", "img", "imgs", "x", "data", "pixels")
LABELS = ("label", "labels", "y", "target", "targets", "class")
# {"image" or "label": key} of a split.
Keys = dict[str, str]


def load(
    *, path: str, image_size: int, channels: int, test: str = "", value_range: depth.ValueRange = ()
) -> tuple[Dataset, Dataset | None]:
    """Loads the arrays into memory; each class is named after its value.

    Args:
      path: an archive, or a folder of archives train.npz and test.npz.
      image_size: must be 0 or that of the images.
      channels: must be 0 or that of the images.
      test: "val" to test on those images although there are others; "train" for a tenth of train.
      value_range: (black, white) of the pixels; () for that of their type, see `depth`.

    Returns:
      (train, test); test is None if there is none and the training set is unlabelled.

    Raises:
      UserError: if there is no such archive or it does not contain such arrays.
    """
    del image_size, channels
    refuse(filter(None, [depth.range_problem(value_range)]))
    parts = _parts(os.path.abspath(os.path.expanduser(path)) if path else "", path)
    kinds = [kind for kind in ("test", "val") if kind in parts]
    valid = test in ("", "train", *kinds)
    require(valid, "test", test, f"must be one of {', '.join(['train', *kinds])}, or empty")
    chosen = "" if test == "train" else test or (kinds[0] if kinds else "")
    read = [_read(*parts["train"])] + ([_read(*parts[chosen])] if chosen else [])
    origins = [_origin(*parts[kind]) for kind in ("train", chosen) if kind]
    images, notes = to_images([arrays[0] for arrays in read], origins, value_range)
    notes += [
        f"{kind} is not used; --config.data.test={kind} tests on it"
        for kind in kinds
        if kind != chosen
    ]
    found = [
        Dataset(pixels, None, (), origin=origin)
        for pixels, origin in zip(images, origins, strict=True)
    ]
    found, more = _labelled(found, [arrays[1] for arrays in read])
    train = found[0]._replace(notes=(*notes, *more, *_unused(parts)))
    return (train, found[1]) if chosen else with_test(train)


def _labelled(
    parts: list[Dataset], labels: list[np.ndarray | None]
) -> tuple[list[Dataset], list[str]]:
    plain = [
        None
        if own is None
        else plain_labels(own, size=len(part.images), what=f"labels in {part.origin}")
        for part, own in zip(parts, labels, strict=True)
    ]
    given = [own for own in plain if own is not None]
    if not given:
        return parts, []
    if len(given) < len(parts):
        names = " and ".join(part.origin for part in parts)
        raise UserError(f"either both or neither of {names} must have labels")
    if (
        len({own.shape[1:] for own in given}) > 1
        or len({own.dtype.kind in "US" for own in given}) > 1
    ):
        raise UserError(f"labels in {parts[0].origin} and {parts[1].origin} are of different kinds")
    if not all(map(is_one_hot, given)):
        classes = tuple(str(number) for number in range(given[0].shape[1]))
        several = [
            part._replace(presence=to_presence(own), classes=classes)
            for part, own in zip(parts, given, strict=True)
        ]
        return several, []
    numbers, classes, notes = to_classes(given)
    found = zip(parts, numbers, strict=True)
    return [part._replace(labels=own, classes=classes) for part, own in found], notes


def _parts(place: str, path: str) -> dict[str, tuple[str, Keys]]:
    """{kind of split: (archive, its keys)}."""
    if os.path.isfile(place):
        return _keys(place)
    names = sorted(os.listdir(place)) if os.path.isdir(place) else []
    archives = [name for name in names if name.lower().endswith(".npz") and name[0] != "."]
    splits = {}
    for name in archives:
        if (kind := split_of(os.path.splitext(name)[0])) in splits:
            raise UserError(f"{place} has two archives of one split: {splits[kind]} and {name}")
        splits[kind] = name
    if "train" not in splits:
        rule = "must be an .npz archive, or a folder that contains train.npz"
        require(len(archives) == 1, "path", path, rule)
        return _keys(os.path.join(place, archives[0]))
    found = {}
    for kind, name in splits.items():
        keys = _keys(os.path.join(place, name))
        if kind and "train" in keys:
            found[kind] = keys["train"]
    return found


def _keys(file: str) -> dict[str, tuple[str, Keys]]:
    """The splits in an archive by the names of its arrays; "train" for names without a split."""
    names = _names(file)
    found: dict[str, Keys] = {}
    for name in names:
        words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
        kinds = [KIND_OF[word] for word in words if word in KIND_OF]
        rest = [word for word in words if word not in KIND_OF]
        is_image = rest in ([word] for word in IMAGES) or words == ["arr", "0"]
        is_label = rest in ([word] for word in LABELS) or words == ["arr", "1"]
        if len(kinds) < 2 and (is_image or is_label):
            keys = found.setdefault(kinds[0] if kinds else "train", {})
            key = "image" if is_image else "label"
            if key in keys:
                raise UserError(f"{file} has {keys[key]} and {name}, which both may be the {key}s")
            keys[key] = name
    found = {kind: keys for kind, keys in found.items() if "image" in keys}
    if "train" not in found:
        raise UserError(f"{file} has no array called image, but {', '.join(names) or 'nothing'}")
    return {kind: (file, keys) for kind, keys in found.items()}


def _unused(parts: dict[str, tuple[str, Keys]]) -> list[str]:
    """A note on arrays that are neither images nor labels."""
    used: dict[str, set[str]] = {}
    for file, keys in parts.values():
        used.setdefault(file, set()).update(keys.values())
    left = {file: [n for n in _names(file) if n not in names] for file, names in used.items()}
    return [f"not used in {file}: {some(names)}" for file, names in left.items() if names]


def _names(file: str) -> list[str]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return list(arrays.keys())
    except _DAMAGED as error:
        raise _unreadable(file, error) from error


def _read(file: str, keys: Keys) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return arrays[keys["image"]], arrays[keys["label"]] if "label" in keys else None
    except _DAMAGED as error:
        raise _unreadable(file, error) from error


_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError)


def _unreadable(file: str, error: Exception) -> UserError:
    return UserError(f"{file} cannot be read: {error}".replace("\n", " "))


def _origin(file: str, keys: Keys) -> str:
    plain = keys["image"].lower() in (*IMAGES, "arr_0")
    return file if plain else f"{keys['image']} in {file}"
