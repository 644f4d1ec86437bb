"""What is prepared: the images of a folder or of tars, with labels and split.

One reader decides what is a split, a class or a stray file: that of `sources/folder.py`. For tars
it is shown a folder of empty files with their names.
"""

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssl_jax.data.archives.packed import packed
from ssl_jax.data.archives.tar_index import INNER, Contents, Member, contents
from ssl_jax.data.dataset import Dataset, Loaded
from ssl_jax.data.decode import SUFFIXES
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from ssl_jax.preparation import imagenet

# Only names and bytes are used; the reader of folders wants to know what it would decode to.
DECODED = {"image_size": 256, "channels": 3}
# Lists of labels and the like are small.
LIST_BYTES = 2**28


def read_splits(images: Path, labels: Path | None, scratch: Path, **options: Any) -> Loaded:
    """Finds the images, reading none of them.

    Args:
      images: a folder of image files, a tar of such a folder, or a folder of tars.
      labels: of the validation images of ImageNet; None to look for them beside its tar.
      scratch: folder for tars that must be decompressed.
      **options: of the reader of folders, as "classes" and "max_pixels".

    Raises:
      UserError: if there are no images, or they are not laid out as `sources/folder.py` says.
    """
    tars = _tars(images)
    if not tars:
        return load("folder", path=str(images), **DECODED, **options)
    members: list[Member] = []
    notes: list[str] = []
    for tar, below in tars.items():
        print(f"reading the headers of {tar}", flush=True)
        found = imagenet.sorted_by_class(tar, contents(tar, scratch), labels)
        members += [_moved(member, below) for member in found.members]
        notes += _left_out(tar, found)
    loaded = _as_a_folder(members, images, options)
    return loaded._replace(train=loaded.train._replace(notes=(*notes, *loaded.train.notes)))


def _tars(images: Path) -> dict[Path, str]:
    """The tars to read, each with the folder that it stands for; {} for a folder of files."""
    if images.is_file():
        if not images.name.endswith(INNER):
            raise UserError(f"--images={images} must be a folder or a tar; unpack other archives")
        return {images: ""}
    if not images.is_dir():
        raise UserError(f"--images={images} does not exist")
    found = sorted(path for path in images.iterdir() if path.name.endswith(INNER))
    official = {path: imagenet.SPLITS[path.name] for path in found if path.name in imagenet.SPLITS}
    if official:
        return official
    others = [path for path in images.iterdir() if path.suffix.lower() in SUFFIXES or path.is_dir()]
    if not found or others:
        return {}
    return {path: _stem(path) for path in found}


def _stem(path: Path) -> str:
    return path.name[: -len(next(end for end in INNER if path.name.endswith(end)))]


def _moved(member: Member, below: str) -> Member:
    return member._replace(name=os.path.normpath(os.path.join(below, member.name)))


def _left_out(tar: Path, found: Contents) -> list[str]:
    if not found.left_out:
        return []
    name, reason = found.left_out[0]
    several = f" and {len(found.left_out) - 1:,} more" if len(found.left_out) > 1 else ""
    return [f"{tar}: left out {name} ({reason}){several}"]


def _as_a_folder(members: Sequence[Member], images: Path, options: dict[str, Any]) -> Loaded:
    """Labels and splits of members, as those of a folder with the same files."""
    by_name = {member.name: member for member in members}
    with tempfile.TemporaryDirectory(prefix="ssl_jax-names-") as folder:
        root = os.path.realpath(folder)
        for made in {os.path.dirname(name) for name in by_name}:
            os.makedirs(os.path.join(root, made), exist_ok=True)
        for member in members:
            _place(member, os.path.join(root, member.name))
        try:
            loaded = load("folder", path=root, **DECODED, **options)
        except UserError as error:
            raise UserError(str(error).replace(root, str(images))) from None

    def of_the_tar(part: Dataset | None) -> Dataset | None:
        if part is None:
            return None
        assert isinstance(part.images, ImageFiles)
        chosen = [by_name[os.path.normpath(name)] for name in part.images.names]
        notes = tuple(note.replace(root, str(images)) for note in part.notes)
        origin = part.origin.replace(root, str(images))
        return part._replace(images=packed(chosen, **DECODED), notes=notes, origin=origin)

    train, test, labelled = map(of_the_tar, loaded)
    assert train is not None
    return Loaded(train, test, labelled)


def _place(member: Member, path: str) -> None:
    """A file of the name and the size of a member; with its content only where that is a list."""
    with open(path, "wb") as file:
        if os.path.splitext(path)[1].lower() in SUFFIXES or member.size > LIST_BYTES:
            file.truncate(member.size)
            return
        with open(member.file, "rb") as tar:
            tar.seek(member.offset)
            file.write(tar.read(member.size))


def relative_names(images: EncodedImages) -> Sequence[str]:
    """What records call their images: paths in the folder or the tar."""
    if dataclasses.is_dataclass(images) and hasattr(images, "names"):
        return images.names  # pyright: ignore[reportAttributeAccessIssue]
    return [images.name(index) for index in range(len(images))]
