"""Where the files of a tar lie in it, found by reading its headers once.

A tar that is compressed has no places that can be read directly, so it is decompressed to a file
first. A tar inside a tar, as in the official archive of ImageNet, is a folder of its name.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import pathlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic

# By the first bytes of a file.
COMPRESSED: dict[bytes, Callable] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
BLOCK = 1 << 20
SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class Member(NamedTuple):
    """A file in a tar.

    name: its path, plain and relative; a tar around it is a folder of the tar's name.
    file: the tar on disk.
    offset: of its first byte in `file`.
    size: in bytes.
    """

    name: str
    file: str
    offset: int
    size: int

    def below(self, folder: str) -> "Member":
        """The member, called by a path below a folder."""
        return self._replace(name=os.path.normpath(os.path.join(folder, self.name)))


class Contents(NamedTuple):
    """What a tar holds.

    members: its files in the order of the tar; of several of one name the last, as tar itself
      would leave it.
    left_out: (name, reason) of what is not read.
    """

    members: list[Member]
    left_out: list[tuple[str, str]]


def without_suffix(name: str) -> str:
    """The name of a tar without .tar or .tar.gz.

    >>> [without_suffix(name) for name in ("train.tar", "n01.tar.gz", "a.b.tgz")]
    ['train', 'n01', 'a.b']
    """
    return next(name.removesuffix(end) for end in SUFFIXES if name.endswith(end))


def contents(path: Path, scratch: Path | None) -> Contents:
    """Finds the files in a tar and in the tars that it contains; nothing is written by their names.

    Args:
      path: the tar, also a compressed one (gzip, bzip2, xz).
      scratch: folder for decompressed tars, which must live as long as its members are read; None
        to refuse compressed ones.

    Raises:
      UserError: if it is no tar, or is damaged or truncated.
    """
    left_out: list[tuple[str, str]] = []
    found: dict[str, Member] = {}
    for member in _search(path, "", scratch, left_out):
        if found.pop(member.name, None):
            left_out.append((member.name, "there is a later file of its name"))
        found[member.name] = member
    return Contents(list(found.values()), left_out)


def _search(
    path: Path, below: str, scratch: Path | None, left_out: list[tuple[str, str]]
) -> Iterator[Member]:
    """The files in a tar on disk, and in those inside it."""
    plain = _decompressed(path, scratch)
    try:
        with open(plain, "rb") as file:
            yield from _members(file, str(plain), 0, below, scratch, left_out)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{path} is not a whole tar: {error}") from None


def _members(
    file: Any,
    path: str,
    start: int,
    below: str,
    scratch: Path | None,
    left_out: list[tuple[str, str]],
) -> Iterator[Member]:
    """The files of a tar that begins at the byte `start` of the file `path`.

    file: the content of that tar.
    below: the folder that it stands for.
    """
    with tarfile.open(fileobj=file, mode="r:") as tar:
        kept: Any = tar
        for entry in tar:
            kept.members = []  # tarfile would keep them all
            name = os.path.join(below, entry.name)
            if reason := _refused(entry):
                left_out.append((name, reason))
            if reason or entry.isdir():
                continue
            place = start + entry.offset_data
            name = os.path.normpath(name)
            if not entry.name.endswith(SUFFIXES):
                yield Member(name, path, place, entry.size)
                continue
            folder = without_suffix(name)
            inner = tar.extractfile(entry)
            assert inner is not None
            with inner:
                if _opener(inner.read(8)):
                    copy = _copy(inner, scratch, name)
                    yield from _search(copy, folder, scratch, left_out)
                else:
                    inner.seek(0)
                    yield from _members(inner, path, place, folder, scratch, left_out)
        # tarfile takes a damaged header for the end.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"damaged at byte {start + tar.offset:,}")


def _refused(entry: tarfile.TarInfo) -> str:
    """Why an entry is not read; "" for files and folders with plain names."""
    path = pathlib.PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts:
        return "its name leads out of the archive"
    if entry.issym() or entry.islnk():
        return "a link"
    if entry.isdir():
        return ""
    if not entry.isreg() or entry.issparse():
        return "neither a plain file nor a folder"
    return ""


def _opener(start: bytes) -> Callable | None:
    """What opens a file that begins like this, if it is compressed."""
    return next((opener for magic, opener in COMPRESSED.items() if start.startswith(magic)), None)


def _decompressed(path: Path, scratch: Path | None) -> Path:
    """The tar itself; a copy in `scratch`, which later commands find again, if it is compressed."""
    try:
        with open(path, "rb") as file:
            opener = _opener(file.read(8))
            status = os.stat(file.fileno())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {atomic.reason(error)}") from None
    if opener is None:
        return path
    if scratch is None:
        raise UserError(f"{path} is compressed, so its images cannot be read where they lie")
    copy = scratch / f"{path.name}-{status.st_size}-{status.st_mtime_ns}.tar"
    if not copy.exists():
        print(f"decompressing {path} to {copy}", flush=True)
        _write(copy, _blocks(lambda: opener(path, "rb"), path))
    return copy


def _copy(inner: Any, scratch: Path | None, name: str) -> Path:
    """A compressed tar from inside a tar as a file."""
    if scratch is None:
        raise UserError(f"{name} is a compressed tar inside a tar, which cannot be read there")
    copy = scratch / name.replace(os.sep, "%")
    inner.seek(0)
    _write(copy, _blocks(lambda: contextlib.nullcontext(inner), name))
    return copy


def _write(copy: Path, blocks: Iterator[bytes]) -> None:
    """Writes a file completely or not at all."""
    with atomic.writing(copy):
        copy.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(copy) as part, open(part, "wb") as file:
        for block in blocks:
            file.write(block)


def _blocks(opened: Callable, name: Path | str) -> Iterator[bytes]:
    """The content of a file.

    Raises:
      UserError: if it cannot be read; what cannot be written is another matter.
    """
    try:
        with opened() as source:
            while block := source.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise UserError(f"{name} cannot be read: {error}") from None
