"""Images that stay in their files: decoded on access, after a look at their headers."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
from jaxtyping import Int

from ssl_jax.data.dataset import READ_AT_ONCE
from ssl_jax.data.decode import header_size
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.pixel_rule import PixelRule
from ssl_jax.data.skipped import why
from ssl_jax.storage import user_cache


@dataclasses.dataclass(frozen=True)
class ImageFiles(EncodedImages):
    """Image files below a folder.

    root: the folder.
    names: paths of the files, relative to `root`.
    sizes: of the files, in bytes.
    """

    root: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        """The content of a file."""
        return pathlib.Path(self.name(index)).read_bytes()

    def name(self, index: int) -> str:
        """Path of a file."""
        return os.path.join(self.root, self.names[index])

    def subset(self, indices: Int[np.ndarray, " m"]) -> "ImageFiles":
        """The files at `indices`, in that order."""
        return dataclasses.replace(
            self,
            names=tuple(self.names[index] for index in indices),
            sizes=tuple(self.sizes[index] for index in indices),
        )

    def stored_sizes(self) -> Int[np.ndarray, " n"]:
        """Of the images in bytes."""
        return np.array(self.sizes, np.int64)

    def identity(self) -> str:
        """Names and sizes of the files, and the size and channels that they are decoded to."""
        what = [self.names, self.sizes, self.image_size, self.channels]
        return json.dumps([*what, *self.rule] if self.rule != PixelRule() else what)


def find_unreadable(files: ImageFiles) -> tuple[dict[str, str], int]:
    """Reads the headers of all files to find those that are no images, and the size of the others.

    Nothing is decoded: a file that is damaged further on is met when it is read. The result is
    cached in the user's cache folder under the names, sizes and modification times of the files, so
    that a large set is searched only once. Unreadable files are tried again each time, since the
    disk may have been at fault.

    Returns:
      ({name of an unreadable file: reason}, side of the other images in pixels); the side is 0 if
      these are not squares of one size.
    """
    cache = _cache_file(files)
    names, sides = files.names, set()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # none yet, or damaged
        cached = json.loads(cache.read_text())
        names, sides = tuple(cached["unreadable"]), set(cached["sides"])

    def shapes_of(names: tuple[str, ...]) -> list[tuple[int, int] | str]:
        return [_size(files, name) for name in names]

    parts = [names[i : i + READ_AT_ONCE] for i in range(0, len(names), READ_AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        shapes = [shape for part in pool.map(shapes_of, parts) for shape in part]
    found = dict(zip(names, shapes, strict=True))
    unreadable = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    sides |= {side for shape in shapes if not isinstance(shape, str) for side in shape}
    content = {"unreadable": sorted(unreadable), "sides": sorted(sides)}
    user_cache.keep(cache, json.dumps(content).encode())
    return unreadable, sides.pop() if len(sides) == 1 else 0


def _size(files: ImageFiles, name: str) -> tuple[int, int] | str:
    """(height, width); or the reason why the file is no image."""
    try:
        return header_size(os.path.join(files.root, name), files.rule)
    except Exception as error:  # decoders raise nearly anything for a damaged file
        return why(error)


def _cache_file(files: ImageFiles) -> pathlib.Path:
    digest = hashlib.sha256(files.identity().encode())
    for name in files.names:
        with contextlib.suppress(OSError):  # a broken link
            path = os.path.join(files.root, name)
            digest.update(f"{os.stat(path).st_mtime_ns} ".encode())
    return user_cache.folder("headers") / f"{digest.hexdigest()}.json"
