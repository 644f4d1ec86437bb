"""Images in whatever form users have them, as the network of an encoder takes them.

All of it runs on the host: images of another size compile nothing.
"""

import concurrent.futures
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32
from PIL import Image

from ssl_jax.data.decode import decode, pixels
from ssl_jax.data.folders import list_images
from ssl_jax.data.skipped import none_readable, skipped_files
from ssl_jax.errors import UserError


class Form(NamedTuple):
    """What a network takes.

    size: side of its square images in pixels.
    crop: side of the central square that is resized to it, as a fraction of the shorter side.
    channels: number of channels.
    """

    size: int
    crop: float
    channels: int


class Part(NamedTuple):
    """Some consecutive images.

    paths: of their files; empty for images that came from no files.
    images: in [0, 1], ready for the network.
    """

    paths: list[str]
    images: Float32[np.ndarray, "n s s c"]


def parts(images: Any, form: Form, *, size: int) -> Iterator[Part]:
    """Prepares images, a part at a time.

    Args:
      images: uint8 [N, H, W, C]; an image file, or a folder, of which unreadable files are skipped
        with a warning; or a sequence of files, Pillow images and uint8 arrays [H, W, C].
      form: what they become.
      size: images per part, at most.

    Raises:
      UserError: for anything else; for a file of a sequence that cannot be read; for a folder
        without any image that can be.
    """
    if isinstance(images, str | os.PathLike):
        path = Path(images).expanduser()
        if path.is_dir():
            yield from _folder(path, form, size)
            return
        images = [path]
    elif isinstance(images, Image.Image):
        images = [images]
    elif not isinstance(images, list | tuple):
        _check_array(images, 4, form)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(images), size):
            some = images[start : start + size]
            paths = [os.fspath(one) for one in some if isinstance(one, str | os.PathLike)]
            prepared = list(pool.map(lambda one: prepare_one(one, form), some))
            yield Part(paths if len(paths) == len(some) else [], np.stack(prepared))


def _folder(folder: Path, form: Form, size: int) -> Iterator[Part]:
    names, unreadable = list_images(str(folder)), []

    def prepare(name: str) -> Float32[np.ndarray, "s s c"] | None:
        try:
            return prepare_one(folder / name, form)
        except UserError:
            if form.channels not in (1, 3):
                raise
            unreadable.append(name)
            return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(names), size):
            some = names[start : start + size]
            found = zip(some, pool.map(prepare, some), strict=True)
            good = [(str(folder / name), image) for name, image in found if image is not None]
            if good:
                paths, images = zip(*good, strict=True)
                yield Part(list(paths), np.stack(images))
    if len(unreadable) == len(names):
        raise UserError(none_readable(str(folder), sorted(unreadable)))
    if unreadable:
        warnings.warn(skipped_files(sorted(unreadable)), stacklevel=2)


def prepare_one(image: Any, form: Form) -> Float32[np.ndarray, "s s c"]:
    """One image, from a file, Pillow or an array, in [0, 1] and ready for the network.

    Raises:
      UserError: for a file that cannot be read, and for anything else.
    """
    if not isinstance(image, str | os.PathLike | Image.Image):
        _check_array(image, 3, form)
        return central_square(np.asarray(image), form)
    if form.channels not in (1, 3):
        raise UserError(f"the encoder expects {form.channels} channels; image files have 1 or 3")
    # The square that the encoder was evaluated on.
    options: dict[str, Any] = {
        "image_size": round(form.size / form.crop),
        "channels": form.channels,
    }
    if isinstance(image, Image.Image):
        return central_square(pixels(image, **options), form)
    path = Path(image).expanduser()
    if not path.is_file():
        raise UserError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    try:
        return central_square(decode(path, **options), form)
    except Exception as error:  # decoders raise nearly anything for a damaged file
        raise UserError(f"{path} cannot be read: {error}") from error


def central_square(image: np.ndarray, form: Form) -> Float32[np.ndarray, "s s c"]:
    """The central square of a uint8 image [H, W, C], resized; what `encoder.prepare` gives.

    Bilinear and antialiased, by Pillow, whose filter is `jax.image.resize`'s.
    """
    height, width, _ = image.shape
    side = max(1, round(min(height, width) * form.crop))
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side].astype(np.float32) / np.float32(255)
    if side == form.size:
        return square
    target = form.size, form.size
    planes = [
        Image.fromarray(np.ascontiguousarray(square[..., c])).resize(
            target, Image.Resampling.BILINEAR
        )
        for c in range(form.channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def _check_array(images: Any, rank: int, form: Form) -> None:
    """Raises UserError unless these are uint8 images with `rank` dimensions."""
    kind = getattr(images, "dtype", type(images).__name__)
    if kind == np.uint8 and np.ndim(images) == rank and images.shape[-1] == form.channels:
        return
    axes = "N, H, W" if rank == 4 else "H, W"
    raise UserError(
        f"images must be uint8 [{axes}, {form.channels}], files, a folder or Pillow images, "
        f"not {kind} {list(np.shape(images))}"
    )
