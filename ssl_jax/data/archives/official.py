"""Official archives: downloaded once, compared with their published checksum, and unpacked."""

import hashlib
import os
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

from ssl_jax.data.archives import tfds
from ssl_jax.errors import UserError

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
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != archive.md5:
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
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    failed = []
    for url in archive.urls:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with urllib.request.urlopen(url, timeout=20) as source, open(part, "wb") as file:
                print(f"downloading {url} to {path}", flush=True)
                while block := source.read(BLOCK):
                    file.write(block)
            os.replace(part, path)
            return
        except OSError as error:  # from the network or the disk
            failed.append(f"{url} cannot be read ({error})")
    raise UserError(f"{path} does not exist, and {'; '.join(failed)}")
