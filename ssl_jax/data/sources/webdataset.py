"""Shards in the format of WebDataset: tars of images, each with its label beside it.

    PATH/train-000000.tar   PATH/val-000000.tar     or PATH/train/000000.tar, PATH/val/000000.tar
      n01440764_18.jpg   n01440764_18.cls            or .json, or .txt

Labels are the number or the name in .cls, that of "label" in .json, or the line of .txt where lines
repeat, and are no captions. Shards are not unpacked: their headers are read once, and images where
they lie. https://github.com/webdataset/webdataset
"""

from pathlib import Path

import numpy as np

from ssl_jax.data.archives.packed import packed
from ssl_jax.data.archives.samples import Sample, read_shards
from ssl_jax.data.archives.shards import by_split, find_shards
from ssl_jax.data.archives.tar_index import Member
from ssl_jax.data.class_numbers import number_classes, to_known
from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.splits import with_test
from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import UserError, require

# Beside the shards, the names of the classes in the order of their numbers.
CLASS_NAMES = ("classes.txt", "classnames.txt", "class_names.txt", "labels.txt")


def load(
    *, path: str, image_size: int, channels: int, test: str = ""
) -> tuple[Dataset, Dataset | None]:
    """Loads the images, which stay in their shards.

    Args:
      path: a folder of shards, or a pattern as DIR/train-{000000..000123}.tar.
      image_size: side in pixels that images are resized to.
      channels: 1 (grey) or 3 (RGB); 0 means 3.
      test: pattern or folder of the shards to test on, or "train" for a tenth of the training
        images; "" for those called test or val.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if a shard is missing or no whole tar, or labels are not those of one kind.
    """
    require(image_size > 0, "image_size", image_size, "must be a side in pixels")
    require(channels in (0, 1, 3), "channels", channels, "must be 1 (grey) or 3 (RGB)")
    splits = by_split(find_shards(path, ".tar"))
    if test and test != "train":
        chosen = find_shards(test, ".tar", key="test")
        splits = {"train": [file for file in splits.get("train", []) if file not in chosen]}
        splits["test"] = chosen
    elif test:
        splits = {"train": splits.get("train", [])}
    require(bool(splits.get("train")), "path", path, f"has no shards of train, only {list(splits)}")
    options = {"image_size": image_size, "channels": channels or 3}
    train, written, names = _images(splits["train"], **options)
    if written is None:
        return train, None
    labels, classes = number_classes(written)
    names = _listed(splits["train"][0].parent, classes) | names
    named = tuple(names.get(name, name) for name in classes)
    named = named if len(set(named)) == len(named) else classes
    train = train._replace(labels=labels, classes=named)
    for kind in [kind for kind in ("test", "val") if kind in splits]:
        part, of_test, _ = _images(splits[kind], **options)
        if of_test is not None:
            labels, notes = to_known(of_test, classes, file=f"the shards of {kind}")
            part = part._replace(labels=labels, classes=named, notes=(*part.notes, *notes))
            others = sorted(set(splits) - {"train", kind})
            unused = [f"not used: the shards of {', '.join(others)}"] if others else []
            train = train._replace(notes=(*train.notes, *unused))
            return train, take(part, np.flatnonzero(labels >= 0))
    return with_test(train)


def _images(
    files: list[Path], *, image_size: int, channels: int
) -> tuple[Dataset, list[str] | None, dict[str, str]]:
    """(images without labels; labels as written, if there are any; names of their classes)."""
    shards = read_shards(files)
    pairs = [(file, s) for file, samples in zip(files, shards, strict=True) for s in samples]
    if not pairs:
        raise UserError(f"{files[0]} and the other shards hold no images")
    members = [Member(f"{file.stem}/{s.name}", str(file), s.offset, s.size) for file, s in pairs]
    images = packed(members, image_size=image_size, channels=channels)
    origin = f"{len(files)} shards, {files[0].name} ..." if len(files) > 1 else str(files[0])
    names = {s.label: s.class_name for _, s in pairs if s.class_name}
    labels, notes = _labels(pairs)
    return Dataset(images, None, (), origin=origin, notes=notes), labels, names


def _labels(pairs: list[tuple[Path, Sample]]) -> tuple[list[str] | None, tuple[str, ...]]:
    """(labels as written, notes)."""
    texts = [sample.text for _, sample in pairs]
    written = [sample.label for _, sample in pairs]
    if not any(written):
        if any(texts) and len(set(texts)) > len(texts) / 2:
            return None, ("the lines of .txt differ from image to image: no labels but captions",)
        written = texts
    if not any(written):
        return None, ()
    if not all(written):
        file, sample = pairs[written.index("")]
        without = sum(not label for label in written)
        raise UserError(
            f"{without:,} of {len(pairs):,} images have no label, as {sample.name} in {file}"
        )
    return written, ()


def _listed(folder: Path, classes: tuple[str, ...]) -> dict[str, str]:
    """{number: name} by a list of names beside the shards."""
    if not all(name.isdecimal() for name in classes):
        return {}
    for file in (folder / name for name in CLASS_NAMES):
        names = read_lines(file) if file.is_file() else []
        if len(names) > max(map(int, classes)):
            return {name: names[int(name)] for name in classes}
    return {}
