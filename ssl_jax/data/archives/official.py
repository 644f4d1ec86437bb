"""Official archives: downloaded once, compared with their published checksum, and unpacked."""

import hashlib
import http.client
import os
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ssl_jax.data.archives import tfds
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic

BLOCK = 1 << 20


class Archive(NamedTuple):
    """An archive as published.

    file: its name.
    urls: where it is, tried in order.
    md5: its published checksum, in hex.
    """

    file: str
    urls: tuple[str, ...]
    md5: str


def default_folder() -> Path:
    """Where sets are kept whose path is empty: that of TensorFlow Datasets."""
    return tfds.data_folder()


def unpack(archive: Archive, folder: Path) -> None:
    """Unpacks an archive into the folder, which may hold it; downloads it if not.

    Raises:
      UserError: if it cannot be downloaded, is not the published one, or cannot be unpacked.
    """
    path = folder / archive.file
    if not path.exists():
        _download(archive, path)
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {atomic.reason(error)}") from error
    if found != archive.md5:
        raise UserError(f"{path} has a wrong checksum: it is not whole, or another archive")
    try:
        print(f"unpacking {path}", flush=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="unpacking-") as part:
            with tarfile.open(path) as tar:
                tar.extractall(part, filter="data")
            for name in os.listdir(part):
                if not (folder / name).exists():
                    os.rename(os.path.join(part, name), folder / name)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UserError(f"{path} cannot be unpacked: {error}") from error


def _download(archive: Archive, path: Path) -> None:
    """Downloads an archive; a file of its name is whole."""
    with atomic.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    failed = []
    with atomic.replacing(path) as part:
        for url in archive.urls:
            try:
                with open(part, "wb") as file:
                    for block in _blocks(url, path):
                        file.write(block)
                return
            except _UnreachableError as error:
                failed.append(str(error))
        raise UserError(f"{path} does not exist, and {'; '.join(failed)}")


class _UnreachableError(Exception):
    """The network has no such file, or no longer; the message is a clause."""


def _blocks(url: str, path: Path) -> Iterator[bytes]:
    """The content of a file in the network.

    Raises:
      _UnreachableError: if it cannot be read; what cannot be written is another matter.
    """
    try:
        with urllib.request.urlopen(url, timeout=20) as source:
            print(f"downloading {url} to {path}", flush=True)
            while block := source.read(BLOCK):
                yield block
    except (OSError, http.client.HTTPException) as error:
        raise _UnreachableError(f"{url} cannot be read ({error})") from error
