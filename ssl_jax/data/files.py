"""Images that stay in their files: read when asked for, the unreadable ones found beforehand."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.dataset import READ_AT_ONCE
from ssl_jax.data.decode import decode
from ssl_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Files:
    """Image files below a folder, decoded to squares of `image_size` with `channels` channels.

    names: paths relative to `root`; sizes: of the files, in bytes.
    """

    root: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    image_size: int
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, image_size, image_size, channels)."""
        return len(self.names), self.image_size, self.image_size, self.channels

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "h w c"]:
        """The decoded image.

        Raises:
          UserError: where the file can no longer be read.
        """
        path = os.path.join(self.root, self.names[index])
        try:
            return decode(path, image_size=self.image_size, channels=self.channels)
        except Exception as error:
            raise UserError(f"{path} could be read before, now not: {error!r}") from error

    def subset(self, indices: Int[np.ndarray, " m"]) -> "Files":
        """The files at `indices`, in that order."""
        return dataclasses.replace(
            self,
            names=tuple(self.names[index] for index in indices),
            sizes=tuple(self.sizes[index] for index in indices),
        )

    def identity(self) -> str:
        """Names and sizes of the files and what they are decoded to."""
        return json.dumps([self.names, self.sizes, self.image_size, self.channels])


def find_unreadable(files: Files) -> tuple[set[str], int]:
    """Decodes every file once: (names of those that cannot be, common side of the others or 0).

    The side is the image size wherever one is set; otherwise that of the stored images if they
    are squares of one size. Both are remembered in the user's cache, by the names, sizes and
    times of the files, so that a large set is searched once; the unreadable files are tried
    again each time, since the disk may have been to blame.
    """
    cache = _cache_file(files)
    names, sides = files.names, set()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # none yet, or damaged
        found = json.loads(cache.read_text())
        names, sides = tuple(found["unreadable"]), set(found["sides"])

    def shapes_of(names: tuple[str, ...]) -> list[tuple[int, ...] | None]:
        return [_shape(files, name) for name in names]

    parts = [names[i : i + READ_AT_ONCE] for i in range(0, len(names), READ_AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        shapes = [shape for part in pool.map(shapes_of, parts) for shape in part]
    unreadable = {name for name, shape in zip(names, shapes, strict=True) if shape is None}
    sides |= {side for shape in shapes if shape is not None for side in shape[:2]}
    with contextlib.suppress(OSError):  # a cache that cannot be written is no reason to stop
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=cache.parent, delete=False) as partial:
            json.dump({"unreadable": sorted(unreadable), "sides": sorted(sides)}, partial)
        os.replace(partial.name, cache)
    return unreadable, sides.pop() if len(sides) == 1 else 0


def _shape(files: Files, name: str) -> tuple[int, ...] | None:
    path = os.path.join(files.root, name)
    try:
        return decode(path, image_size=files.image_size, channels=files.channels).shape
    except Exception:  # decoders raise nearly anything for a broken file, which is then skipped
        return None


def _cache_file(files: Files) -> pathlib.Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    digest = hashlib.sha256(files.identity().encode())
    for name in files.names:
        with contextlib.suppress(OSError):  # a broken link
            path = os.path.join(files.root, name)
            digest.update(f"{os.stat(path).st_mtime_ns} ".encode())
    return pathlib.Path(home, "ssl_jax", "readable", f"{digest.hexdigest()}.json")
