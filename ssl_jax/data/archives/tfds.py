"""Sets that TensorFlow Datasets (TFDS) has prepared, read at random positions without TensorFlow.

The folder of a set describes itself, so the code that prepared it is not needed either.
"""

import bisect
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Int32

from ssl_jax.data.archives import cached_labels
from ssl_jax.data.archives.tfrecord import TfRecords
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.errors import UserError

INFO = "dataset_info.json"
VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TfdsImages(EncodedImages):
    """Images of a split of a prepared set.

    files: paths of its shards.
    counts: number of records of each.
    records: all serialised examples, by their position.
    feature: name of the image in an example.
    numbers: positions of the images of this set.
    """

    files: tuple[str, ...]
    counts: tuple[int, ...]
    records: Any
    feature: str
    numbers: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, index: int) -> bytes:
        """The encoded image."""
        return _features(self.records[int(self.numbers[index])])[self.feature].bytes_list.value[0]

    def name(self, index: int) -> str:
        """The shard, and the position in it."""
        number = int(self.numbers[index])
        ends = list(itertools.accumulate(self.counts))
        which = bisect.bisect_right(ends, number)
        return f"{self.files[which]}: record {number - ends[which] + self.counts[which]}"

    def subset(self, indices: Int[np.ndarray, " m"]) -> "TfdsImages":
        """The images at `indices`, in that order."""
        return dataclasses.replace(self, numbers=self.numbers[indices])

    def identity(self) -> str:
        """Names and sizes of the shards, and positions of the images."""
        shards = [(os.path.basename(file), os.path.getsize(file)) for file in self.files]
        numbers = hashlib.sha256(self.numbers.astype("<i8").tobytes()).hexdigest()
        return json.dumps([shards, numbers, self.image_size, self.channels])


class PreparedSet(NamedTuple):
    """A prepared set of images.

    folder: the folder of its version.
    info: what TFDS says of it.
    image: name of the image in an example.
    label: name of the label in an example; "" where a set has none.
    notes: what is not read, a line each.
    """

    folder: Path
    info: Any
    image: str
    label: str
    notes: tuple[str, ...]

    @property
    def side(self) -> int:
        """Of the images in pixels; 0 unless all are squares of one size."""
        height, width = self.info.features[self.image].shape[:2]
        return height or 0 if height == width else 0

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.info.features[self.label].names) if self.label else ()


def data_folder() -> Path:
    """The folder of prepared sets: $TFDS_DATA_DIR, or ~/tensorflow_datasets."""
    return Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()


def find(name: str, root: Path | None = None) -> Path:
    """The folder of a prepared set.

    Args:
      name: NAME, NAME:CONFIG, or NAME/CONFIG:VERSION in the data folder; or a path to a set.
      root: the data folder; None for the default.

    Raises:
      UserError: if there is none, or there are several configurations to choose from.
    """
    root = root or data_folder()
    base, _, config = name.partition(":")
    for folder in (root / Path(base).expanduser(), Path(base).expanduser().absolute()):
        if folder.is_dir() and (found := _version(folder / config, name)):
            return found
    called = f"{base}/{config}" if config and not VERSION.fullmatch(config) else name
    raise UserError(
        f"TensorFlow Datasets has not prepared {name} in {root}; where TensorFlow is installed, "
        f"`tfds build {called} --file_format=array_record --data_dir={root}` does"
    )


def _version(folder: Path, name: str) -> Path | None:
    """The newest version of a set in its folder, which may hold configurations."""
    if (folder / INFO).is_file():
        return folder
    inside = [path for path in folder.glob("*") if path.is_dir()]
    versions = [p for p in inside if VERSION.fullmatch(p.name) and (p / INFO).is_file()]
    if versions:
        return max(versions, key=lambda path: tuple(map(int, path.name.split("."))))
    configs = {path.name: found for path in inside if (found := _version(path, name))}
    if len(configs) > 1:
        listed = ", ".join(sorted(configs))
        raise UserError(f"{folder} has several: {listed}; choose one, as {name}:{min(configs)}")
    return next(iter(configs.values()), None)


def open_set(folder: Path) -> PreparedSet:
    """Opens a prepared set without reading its records.

    Raises:
      UserError: if it is damaged, or is not one of images.
    """
    import tensorflow_datasets as tfds  # slow, and needed by few runs

    try:
        info: Any = tfds.builder_from_directory(folder).info
        features = dict(info.features.items())
    except Exception as error:  # TFDS raises nearly anything for a damaged folder
        reason = " ".join(str(error).split())
        raise UserError(f"{folder} is not a set of TensorFlow Datasets: {reason}") from error
    image = _one(features, tfds.features.Image, info.supervised_keys, "image")
    if not image:
        held = ", ".join(f"{name} ({type(f).__name__})" for name, f in features.items())
        raise UserError(f"{folder} is not a set of images with one image each: it has {held}")
    if features[image].np_dtype == np.float32:
        raise UserError(f"{folder} has images of float32, which are not read")
    label = _one(features, tfds.features.ClassLabel, info.supervised_keys, "label")
    used = [f"images are {image!r}", f"labels are {label!r}" if label else "no labels are read"]
    others = sorted(set(features) - {image, label})
    notes = (f"{info.full_name}: {', '.join(used)}; not read: {', '.join(others)}",)
    return PreparedSet(folder, info, image, label, notes if others or not label else ())


def _one(features: dict[str, Any], kind: type, supervised: Any, usual: str) -> str:
    """The feature of a kind: the one to learn with, the usual or the only one; "" if unclear."""
    found = [name for name, feature in features.items() if type(feature) is kind]
    chosen = [name for name in supervised or () if name in found]
    chosen = chosen or [name for name in found if name == usual] or found
    return chosen[0] if len(chosen) == 1 else ""


def read_split(prepared: PreparedSet, split: str, *, image_size: int, channels: int) -> Dataset:
    """The images of a split, with their labels; a split whose labels are all -1 is unlabelled.

    Labels lie in the records beside the images, so all records are read, the first time.

    Raises:
      UserError: if a shard is missing or damaged.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.data_sources.base import file_instructions

    instructions = file_instructions(prepared.info, tfds.Split(split))
    files = tuple(str(instruction.filename) for instruction in instructions)
    counts = tuple(instruction.examples_in_shard for instruction in instructions)
    images = TfdsImages(
        files=files,
        counts=counts,
        records=_records(prepared, files, counts, instructions),
        feature=prepared.image,
        numbers=np.arange(sum(counts)),
        image_size=image_size,
        channels=channels,
        uniform=image_size == prepared.side,
    )
    labels = _labels(prepared, images) if prepared.label else None
    if labels is None or (labels == -1).all():
        return Dataset(images, None, ())
    if labels.min() < 0 or labels.max() >= len(prepared.classes):
        span = f"{labels.min()} to {labels.max()}"
        raise UserError(f"{prepared.folder}: labels of {split} are {span}, not class indices")
    return Dataset(images, labels, prepared.classes)


def _records(
    prepared: PreparedSet, files: Sequence[str], counts: Sequence[int], instructions: Any
) -> Any:
    for file in files:
        if not os.path.exists(file):
            raise UserError(f"the shard {file} is missing")
    kind = prepared.info.file_format.value
    if kind == "array_record":
        import grain  # slow: it imports jax

        return grain.sources.ArrayRecordDataSource(instructions)
    if kind == "tfrecord":
        return TfRecords(files, counts)
    raise UserError(
        f"{prepared.folder} was prepared as {kind}, which is not read; where TensorFlow is "
        f"installed, `tfds build {prepared.info.name} --file_format=array_record` prepares it"
    )


def _labels(prepared: PreparedSet, images: TfdsImages) -> Int32[np.ndarray, " n"]:
    def read(rows: range) -> list[int]:
        try:
            records = images.records.__getitems__(rows)
            return [_features(r)[prepared.label].int64_list.value[0] for r in records]
        except Exception as error:  # from ArrayRecord, protobuf or the disk
            where = images.name(rows[0])
            reason = " ".join(str(error).split())
            raise UserError(f"records near {where} cannot be read: {reason}") from error

    return cached_labels.labels(images.files, len(images), read)


def _features(record: bytes) -> Any:
    return _example().FromString(record).features.feature


@functools.cache
def _example() -> Any:
    from tensorflow_datasets.proto import tf_example_pb2

    return tf_example_pb2.Example  # pyright: ignore[reportAttributeAccessIssue]
