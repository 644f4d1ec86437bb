"""Images in a column of parquet files, as the Hugging Face Hub stores them.

A row group is the least that can be read. Those of image sets have some 100 rows, so images in
random order are read at a small part of the speed of records.
"""

import bisect
import dataclasses
import functools
import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from ssl_jax.data.encoded import EncodedImages
from ssl_jax.errors import UserError

# Row groups that a process keeps: images that are read in their order need each but once.
KEPT = 8
IMAGES = ("image", "img", "jpg", "png", "picture", "photo")
LABELS = ("label", "labels", "fine_label", "class", "target", "category", "cls", "y")


class Columns(NamedTuple):
    """Which columns a set has.

    image: path of the bytes of the image, as "image.bytes".
    label: name of the label; "" for none.
    classes: names of the classes, where the files say so.
    notes: what is not read.
    """

    image: str
    label: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ParquetImages(EncodedImages):
    """Images in parquet files.

    files: their paths.
    groups: numbers of rows of the row groups of each file.
    column: path of the bytes of the image.
    numbers: positions of the images of this set among all rows.
    """

    files: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    column: str
    numbers: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.numbers)

    @functools.cached_property
    def _places(self) -> tuple[list[int], list[tuple[int, int]]]:
        """(number of rows up to the end of each row group, its file and its number there)."""
        places = [(f, g) for f, counts in enumerate(self.groups) for g in range(len(counts))]
        return list(itertools.accumulate(itertools.chain(*self.groups))), places

    def _place(self, index: int) -> tuple[str, int, int]:
        """(file, row group, row in it) of an image."""
        ends, places = self._places
        number = int(self.numbers[index])
        which = bisect.bisect_right(ends, number)
        file, group = places[which]
        return self.files[file], group, number - ends[which] + self.groups[file][group]

    def read(self, index: int) -> bytes:
        """The encoded image."""
        file, group, row = self._place(index)
        content = _row_group(file, os.stat(file).st_mtime_ns, group, self.column)[row].as_py()
        if content is None:
            raise ValueError("it is only a path, without the bytes of the image")
        return content

    def name(self, index: int) -> str:
        """The file, and the row in it."""
        file, group, row = self._place(index)
        return f"{file}: row {sum(self.groups[self.files.index(file)][:group]) + row}"

    def subset(self, indices: Int[np.ndarray, " m"]) -> "ParquetImages":
        """The images at `indices`, in that order."""
        return dataclasses.replace(self, numbers=self.numbers[indices])

    def identity(self) -> str:
        """Names and sizes of the files, and positions of the images."""
        files = [(os.path.basename(file), os.path.getsize(file)) for file in self.files]
        numbers = hashlib.sha256(self.numbers.astype("<i8").tobytes()).hexdigest()
        return json.dumps([files, numbers, self.image_size, self.channels])


@functools.lru_cache(KEPT)
def _row_group(file: str, modified_ns: int, group: int, column: str) -> Any:
    """The bytes of the images of a row group; threads of a process share those that are kept."""
    del modified_ns  # a file that has changed is another one
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, memory_map=True) as opened:
        table = opened.read_row_group(group, columns=[column], use_threads=False)
    values = table.column(0).combine_chunks()
    return values.field(column.rpartition(".")[2]) if "." in column else values


def open_files(files: list[Path], *, image_size: int, channels: int) -> ParquetImages:
    """The images of the files, none of them read; `columns_of` says which column that is.

    Raises:
      UserError: if a file is no parquet, or has other columns than the first.
    """
    column = columns_of(files[0]).image
    groups = []
    for file in files:
        metadata = _metadata(file)
        names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
        if column not in names:
            raise UserError(f"{file} has no column {column}, unlike {files[0]}")
        groups.append(tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)))
    return ParquetImages(
        files=tuple(map(str, files)),
        groups=tuple(groups),
        column=column,
        numbers=np.arange(sum(map(sum, groups))),
        image_size=image_size,
        channels=channels,
    )


def labels_of(files: list[Path], label: str) -> list[Any]:
    """The values of the column of labels.

    Raises:
      UserError: if a file has no such column or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = []
    for file in files:
        try:
            with pq.ParquetFile(file) as opened:
                values += opened.read(columns=[label]).column(0).to_pylist()
        except (OSError, KeyError, IndexError, pa.ArrowException) as error:
            raise UserError(f"{file} has no column {label} that can be read: {error}") from None
    return values


def columns_of(file: Path) -> Columns:
    """Which columns are images and labels, by what the Hub wrote, or by their names.

    Raises:
      UserError: if that is unclear.
    """
    import pyarrow as pa

    schema = _metadata(file).schema.to_arrow_schema()
    features = _features(schema)
    images = [name for name, feature in features.items() if feature.get("_type") == "Image"]
    if not images:
        images = [f.name for f in schema if _holds_bytes(f.type)]
    image = _one(images, IMAGES, file, "images")
    image_type = schema.field(image).type
    named = {n: f for n, f in features.items() if f.get("_type") == "ClassLabel"}
    kinds = [f.name for f in schema if pa.types.is_integer(f.type) or _is_text(f.type)]
    labels = list(named) or [name for name in kinds if name.lower() in LABELS]
    label = _one(labels, LABELS, file, "labels") if labels else ""
    others = [name for name in schema.names if name not in (image, label)]
    note = f"{file.parent}: images are {image!r}, labels are {label!r}" if label else ""
    note = note or f"{file.parent}: images are {image!r}, no column is one of labels"
    return Columns(
        f"{image}.bytes" if pa.types.is_struct(image_type) else image,
        label,
        tuple(named[label]["names"]) if label in named else (),
        (f"{note}; not read: {', '.join(others)}",) if others else (),
    )


def _one(found: list[str], usual: tuple[str, ...], file: Path, what: str) -> str:
    """The only column, or the one with the most usual name."""
    ranked = sorted((n for n in found if n.lower() in usual), key=lambda n: usual.index(n.lower()))
    if len(found) == 1 or ranked:
        return ranked[0] if ranked else found[0]
    listed = f": {', '.join(found)}" if found else ""
    raise UserError(f"{file} has {len(found) or 'no'} columns that may be the {what}{listed}")


def _holds_bytes(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _features(schema: Any) -> dict[str, Any]:
    """What the library `datasets` has written of the columns; {} for other files."""
    try:
        found = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in found.items() if isinstance(feature, dict)}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _metadata(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"the shard {file} is not a whole parquet file: {reason}") from None
