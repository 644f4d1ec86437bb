"""A shard: an ArrayRecord file of images and, beside it, its index.

The index is written last, so a shard that has one is whole.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic

# One record to a group is what random access needs; encoded images cannot be compressed further.
WRITER_OPTIONS = "group_size:1,uncompressed"
# Names of files need not be Unicode.
NAMES = "surrogateescape"


class Record(NamedTuple):
    """One image.

    image: the content of an image file.
    label: class index; -1 for none.
    name: path of the image in the set that it is from, as n01440764/n01440764_18.JPEG.
    """

    image: bytes
    label: int
    name: str

    def pack(self) -> bytes:
        """The record as it is stored: a MessagePack map."""
        packed = msgpack.packb(self._asdict(), unicode_errors=NAMES)
        assert packed is not None
        return packed

    @classmethod
    def unpack(cls, packed: bytes) -> "Record":
        """The inverse of `pack`."""
        return cls(**msgpack.unpackb(packed, unicode_errors=NAMES))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardIndex:
    """What a shard holds.

    split: "train" or "test".
    number: of the shard in its split.
    first, stop: the images of the input that it covers, skipped ones among them.
    names, labels, sizes: of its images; the size is that of the encoded image in bytes.
    skipped: (name, reason) of the images that it leaves out.
    bytes: size of the file; 0 where all images were skipped, so that there is none.
    sha256: of the file, in hex.
    modified_ns: when the file was written, in nanoseconds since 1970.
    """

    split: str
    number: int
    first: int
    stop: int
    names: Sequence[str]
    labels: Sequence[int]
    sizes: Sequence[int]
    skipped: Sequence[Sequence[str]]
    bytes: int
    sha256: str
    modified_ns: int

    @property
    def file(self) -> str:
        """Name of the file of records."""
        return f"{stem(self.split, self.number)}.array_record"


def stem(split: str, number: int) -> str:
    """Name of a shard without its suffix."""
    return f"{split}-{number:05d}"


class ShardWriter:
    """Writes one shard.

    Args:
      folder: where it is written.
      split: "train" or "test".
      number: of the shard in its split.
      first: the first image of the input that it covers.
    """

    def __init__(self, folder: Path, split: str, number: int, first: int):
        self._folder, self._split, self._number = folder, split, number
        self._first = self._stop = first
        self._records: list[tuple[str, int, int]] = []
        self._skipped: list[tuple[str, str]] = []
        self._part = folder / f"{stem(split, number)}.array_record{atomic.PART}"
        self._writer: Any = None
        self.bytes = 0

    def add(self, record: Record) -> None:
        """Appends the next image of the input."""
        if self._writer is None:
            self._writer = ArrayRecordWriter(str(self._part), WRITER_OPTIONS)
        packed = record.pack()
        self._writer.write(packed)
        self._records.append((record.name, record.label, len(record.image)))
        self.bytes += len(packed)
        self._stop += 1

    def skip(self, name: str, reason: str) -> None:
        """Leaves out the next image of the input."""
        self._skipped.append((name, reason))
        self._stop += 1

    def close(self) -> ShardIndex:
        """Completes the shard on disk, then writes its index.

        Raises:
          OSError or RuntimeError: if it cannot be written.
        """
        index = {"bytes": 0, "sha256": "", "modified_ns": 0}
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            index = _finish(self._part, len(self._records))
        names, labels, sizes = zip(*self._records, strict=True) if self._records else ((),) * 3
        made = ShardIndex(
            split=self._split,
            number=self._number,
            first=self._first,
            stop=self._stop,
            names=names,
            labels=labels,
            sizes=sizes,
            skipped=self._skipped,
            **index,
        )
        text = json.dumps(dataclasses.asdict(made)) + "\n"
        atomic.replace_text(self._folder / f"{stem(self._split, self._number)}.json", text)
        return made

    def abandon(self) -> None:
        """Removes what was written of a shard that will not be completed."""
        if self._writer is not None:
            with contextlib.suppress(OSError, RuntimeError):  # as when the disk is full
                self._writer.close()
            self._writer = None
        with contextlib.suppress(OSError):  # what failed before is said
            self._part.unlink()


def _finish(part: Path, records: int) -> dict[str, Any]:
    """Gives a complete file its name, once it is on the disk; what the index says of it."""
    atomic.synchronize(part)
    with open(part, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    reader = ArrayRecordReader(str(part))
    written = reader.num_records()
    reader.close()
    if written != records:
        raise OSError(f"{part} has {written} records after {records} were written")
    os.replace(part, part.with_suffix(""))
    status = part.with_suffix("").stat()
    return {"bytes": status.st_size, "sha256": sha256, "modified_ns": status.st_mtime_ns}


def read_index(path: Path) -> ShardIndex:
    """Reads the index of a shard.

    Raises:
      UserError: if it is not one.
    """
    try:
        return ShardIndex(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is not the index of a shard: {error}") from None
