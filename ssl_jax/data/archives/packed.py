"""Images that lie in one piece in larger files, as in a tar."""

import dataclasses
import json
import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from ssl_jax.data.archives.tar_index import Member
from ssl_jax.data.decode import RULE
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.pixel_rule import PixelRule


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PackedImages(EncodedImages):
    """Images that are ranges of bytes in files.

    files: paths of the files.
    names: of the images.
    file_of: the file of each image, a position in `files`.
    offsets, sizes: where they begin and how long they are, in bytes.
    """

    files: tuple[str, ...]
    names: tuple[str, ...]
    file_of: Int[np.ndarray, " n"]
    offsets: Int[np.ndarray, " n"]
    sizes: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        """The bytes of an image."""
        size = int(self.sizes[index])
        with open(self.files[self.file_of[index]], "rb", buffering=0) as file:
            content = os.pread(file.fileno(), size, int(self.offsets[index]))
        if len(content) != size:
            raise EOFError(f"{self.files[self.file_of[index]]} is truncated")
        return content

    def name(self, index: int) -> str:
        """The file, and the name of the image in it."""
        return f"{self.files[self.file_of[index]]}: {self.names[index]}"

    def subset(self, indices: Int[np.ndarray, " m"]) -> "PackedImages":
        """The images at `indices`, in that order."""
        return dataclasses.replace(
            self,
            names=tuple(self.names[index] for index in indices),
            file_of=self.file_of[indices],
            offsets=self.offsets[indices],
            sizes=self.sizes[indices],
        )

    def stored_sizes(self) -> Int[np.ndarray, " n"]:
        """Of the images in bytes."""
        return self.sizes

    def identity(self) -> str:
        """Names and sizes of the images, and the size and channels that they are decoded to."""
        what = [self.names, self.sizes.tolist(), self.image_size, self.channels]
        return json.dumps([*what, *self.rule] if self.rule != PixelRule() else what)


def packed(
    members: Sequence[Member], *, image_size: int, channels: int, rule: PixelRule = RULE
) -> PackedImages:
    """Members of tars as images, in their order."""
    files = sorted({member.file for member in members})
    number = {file: index for index, file in enumerate(files)}
    return PackedImages(
        files=tuple(files),
        names=tuple(member.name for member in members),
        file_of=np.array([number[member.file] for member in members], np.int32),
        offsets=np.array([member.offset for member in members], np.int64),
        sizes=np.array([member.size for member in members], np.int64),
        image_size=image_size,
        channels=channels,
        rule=rule,
    )
