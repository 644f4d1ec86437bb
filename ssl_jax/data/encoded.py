"""Images that are stored as they were encoded: JPEG, PNG and so on, each of its own size."""

import abc
import dataclasses

import numpy as np
from jaxtyping import Int, UInt8

from ssl_jax.data.decode import Opened, decode, open_image
from ssl_jax.data.pixel_rule import PixelRule
from ssl_jax.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodedImages(abc.ABC):
    """Encoded images, as `StoredImages`: in files, in shards of records, in archives.

    A kind of storage says where the bytes of an image are and what it is called; how they become
    pixels is decided here, in one place for all kinds. It must be picklable, for worker processes,
    and many threads read it at a time: what it opens, each process opens for itself.

    image_size: side in pixels of the squares that indexing decodes to; 0 keeps the stored size.
    channels: 1 (grey), 3 (RGB), or those of arrays and TIFFs.
    uniform: all images are known to be squares of `image_size`, so that indexing loses nothing.
    rule: how pixels are scaled to 8 bits, and how many an image may have.
    """

    image_size: int
    channels: int
    uniform: bool = False
    rule: PixelRule = PixelRule()

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def read(self, index: int) -> bytes:
        """The encoded image: the whole content of an image file.

        Raises:
          Exception: of any type, if it cannot be read.
        """

    @abc.abstractmethod
    def name(self, index: int) -> str:
        """What messages call the image, so that its owner finds it."""

    @abc.abstractmethod
    def subset(self, indices: Int[np.ndarray, " m"]) -> "EncodedImages":
        """The images at `indices`, in that order, none of them read."""

    @abc.abstractmethod
    def identity(self) -> str:
        """Identifies the images without reading them, independent of their location and age."""

    def stored_sizes(self) -> Int[np.ndarray, " n"] | None:
        """Of the encoded images in bytes; None where they are not known without reading."""
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, image_size, image_size, channels)."""
        return len(self), self.image_size, self.image_size, self.channels

    def open(self, index: int) -> Opened:
        """The header of an image, which decodes the rest.

        Raises:
          Exception: of any type, if it cannot be read.
        """
        return open_image(self.read(index), self.rule)

    def why_unreadable(self, index: int) -> str:
        """What goes wrong when an image is read; for messages."""
        try:
            self.open(index).decode(self.channels, 1)
        except Exception as error:
            return " ".join(str(error).split()) or type(error).__name__
        return "it could not be read a moment ago"

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "h w c"]:
        """The central square of an image, at `image_size`.

        Raises:
          UserError: if the image cannot be read.
        """
        try:
            options = {"image_size": self.image_size, "channels": self.channels}
            return decode(self.read(index), **options, rule=self.rule)
        except Exception as error:  # decoders raise nearly anything for a damaged image
            raise UserError(f"{self.name(index)} has become unreadable: {error!r}") from error
