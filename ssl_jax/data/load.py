"""Loads a data set by name: `config.data.name = "digits"` is `sources/digits.py`."""

import inspect
from typing import Any

from ssl_jax.data import sources
from ssl_jax.data.check import loaded_problems
from ssl_jax.data.dataset import Loaded
from ssl_jax.errors import refuse, require
from ssl_jax.names.lookup import find
from ssl_jax.names.own_code import own_code

# Sets of encoded images, which may be of any size and are decoded to the one that is asked for.
OF_ANY_SIZE = ("folder", "list", "records", "tfds", "webdataset", "parquet")

# What a source may support beside path, image size and channels, with the value that says nothing.
# classes: file that lists the class folders to use.
# test: what to test on; a folder or file of the set, or "train" for a tenth of the training images.
# value_range: what black and white are in images of 16 bits and more, or of fractions.
# max_pixels: images with more are left out; 0 stands for the limit of `decode`.
OPTIONS: dict[str, Any] = {"classes": "", "test": "", "value_range": (), "max_pixels": 0}


def load(
    name: str, *, path: str = "", image_size: int = 0, channels: int = 0, **options: Any
) -> Loaded:
    """Loads a data set.

    Args:
      name: of a file in `sources`, or the dotted path of a user's module with such a `load`.
      path: folder of the data; "" for a set that needs none.
      image_size: side in pixels that image files are resized to; 0 keeps the stored size.
      channels: 1 (grey) or 3 (RGB), to which image files are converted; 0 means RGB.
      **options: those of `OPTIONS`; an option with its default is not passed on.

    Returns:
      Images that methods learn from, and images to evaluate them with.

    Raises:
      UserError: if there is no such set or its files are not as expected; if a user's module raises
        or returns something else; if images that do not come from image files have another size or
        number of channels; or if the set does not support an option.
    """
    source = find(sources, name, "load")
    require(image_size >= 0, "image_size", image_size, "must be 0 (as stored) or a side in pixels")
    given = {key: value for key, value in options.items() if value != OPTIONS[key]}
    for key, value in given.items():
        supported = key in inspect.signature(source).parameters
        require(supported, key, value, f"must be {OPTIONS[key]!r}: {name} has no such option")
    with own_code(name):
        found = source(path=path, image_size=image_size, channels=channels, **given)
    if "." in name:
        refuse(loaded_problems(name, found))
    loaded = Loaded(*found)
    _, height, width, stored = loaded.train.images.shape
    valid = not image_size or (height, width) == (image_size, image_size)
    rule = f"must be 0, since the images of {name} are {height}x{width} and are not resized"
    require(valid, "image_size", image_size, rule)
    valid = not channels or channels == stored
    rule = f"must be 0 or {stored}, since the images of {name} are not converted"
    require(valid, "channels", channels, rule)
    return loaded
