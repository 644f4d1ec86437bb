"""Tars as a folder of names, so that one reader decides what is a split, a class or a stray file.

The folder holds the lists and other small files of the tars, and in place of every image a link to
one and the same tiny image: no disk is needed for them.
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ssl_jax.data.archives.packed import PackedImages, packed
from ssl_jax.data.archives.tar_index import Member
from ssl_jax.data.dataset import Dataset, Loaded
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.listing import SUFFIXES
from ssl_jax.data.load import load
from ssl_jax.data.survey import surveyed
from ssl_jax.errors import UserError

# File systems limit the number of links to a file; 65,000 on ext4.
LINKS = 30_000
# Larger files are no lists of labels.
LIST_BYTES = 2**28


class TarFolder:
    """A folder with the names of members.

    root: the folder.
    """

    def __init__(self, root: Path, members: Sequence[Member]):
        self.root = root
        self._members = {member.name: member for member in members}

    def load(self, named: str, **options: Any) -> Loaded:
        """Labels and splits of members, as those of a folder with the same files.

        Args:
          named: what the user called it, for messages.
          **options: of the reader of folders.

        Raises:
          UserError: if they are not laid out as `sources/folder.py` says.
        """

        def plain(text: str) -> str:
            return text.replace(str(self.root), named)

        def of_the_tar(part: Dataset | None) -> Dataset | None:
            if part is None:
                return None
            files = part.images
            assert isinstance(files, ImageFiles)
            # The reader may have stepped into a folder.
            below = os.path.relpath(files.root, self.root)
            names = [os.path.normpath(os.path.join(below, name)) for name in files.names]
            chosen = [self._members[name] for name in names]
            how = {"image_size": files.image_size, "channels": files.channels, "rule": files.rule}
            notes = tuple(map(plain, part.notes))
            return part._replace(
                images=packed(chosen, **how), notes=notes, origin=plain(part.origin)
            )

        try:
            train, test, labelled = map(of_the_tar, load("folder", path=str(self.root), **options))
            assert train is not None
            # The reader has seen nothing but links.
            train = surveyed(train)
        except UserError as error:
            raise UserError(plain(str(error))) from None
        return Loaded(train, _decoded_as(test, train), _decoded_as(labelled, train))


@contextlib.contextmanager
def as_folder(members: Sequence[Member]) -> Iterator[TarFolder]:
    """A temporary folder with the names of members."""
    with tempfile.TemporaryDirectory(prefix="ssl_jax-names-") as made:
        root = Path(made).resolve()
        (root / "names").mkdir()
        folder = TarFolder(root / "names", members)
        for name in {os.path.dirname(member.name) for member in members}:
            os.makedirs(folder.root / name, exist_ok=True)
        linked = 0
        for member in members:
            path = folder.root / member.name
            if os.path.splitext(path)[1].lower() not in SUFFIXES and member.size <= LIST_BYTES:
                _write(member, path)
                continue
            tiny = root / f"{linked // LINKS}.png"
            if linked % LINKS == 0:
                # Black and white: the reader warns of images that show nothing.
                Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).save(tiny)
            os.link(tiny, path)
            linked += 1
        yield folder


def _decoded_as(part: Dataset | None, train: Dataset) -> Dataset | None:
    """A part whose pixels are scaled as those of the training images."""
    if part is None:
        return None
    assert isinstance(part.images, PackedImages) and isinstance(train.images, PackedImages)
    return part._replace(images=dataclasses.replace(part.images, rule=train.images.rule))


def _write(member: Member, path: Path) -> None:
    with open(member.file, "rb") as tar, open(path, "wb") as file:
        tar.seek(member.offset)
        file.write(tar.read(member.size))
