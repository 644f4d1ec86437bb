"""A data set by its name: `config.data.name = "digits"` is `sources/digits.py`."""

import inspect

from ssl_jax.data import sources
from ssl_jax.data.dataset import Loaded
from ssl_jax.errors import require
from ssl_jax.names.lookup import find


def load(
    name: str, *, path: str = "", image_size: int = 0, channels: int = 0, classes: str = ""
) -> Loaded:
    """The images that methods learn from, and those that they are evaluated with.

    Args:
      name: of a file in `sources`, or the dotted path of a module of the user's with such a `load`.
      path: where the data lie; "" for what needs none.
      image_size: side in pixels to which image files are brought; 0 takes images as stored.
      channels: 1 (grey) or 3 (RGB) to which image files are brought; 0 takes RGB.
      classes: file that lists the class folders to take; "" takes all.

    Raises:
      UserError: where there is no such set, or its files are not what they should be, or it has
        another size or number of channels and is not made of image files, or takes no list.
    """
    source = find(sources, name, "load")
    require(image_size >= 0, "image_size", image_size, "must be 0 (as stored) or a side in pixels")
    options = {"path": path, "image_size": image_size, "channels": channels}
    if classes:
        takes = "classes" in inspect.signature(source).parameters
        require(takes, "classes", classes, f"must be empty: {name} takes no list of classes")
        options["classes"] = classes
    loaded = Loaded(*source(**options))
    _, height, width, stored = loaded.train.images.shape
    fits = not image_size or (height, width) == (image_size, image_size)
    require(fits, "image_size", image_size, f"must be 0: images of {name} are {height}x{width}")
    fits = not channels or channels == stored
    require(fits, "channels", channels, f"must be 0: images of {name} have {stored}")
    return loaded
