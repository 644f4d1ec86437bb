"""Loads a data set by name: `config.data.name = "digits"` is `sources/digits.py`."""

import inspect

from ssl_jax.data import sources
from ssl_jax.data.check import loaded_problems
from ssl_jax.data.dataset import Loaded
from ssl_jax.errors import refuse, require
from ssl_jax.names.lookup import find
from ssl_jax.names.own_code import own_code


def load(
    name: str, *, path: str = "", image_size: int = 0, channels: int = 0, classes: str = ""
) -> Loaded:
    """Loads a data set.

    Args:
      name: of a file in `sources`, or the dotted path of a user's module with such a `load`.
      path: folder of the data; "" for a set that needs none.
      image_size: side in pixels that image files are resized to; 0 keeps the stored size.
      channels: 1 (grey) or 3 (RGB), to which image files are converted; 0 means RGB.
      classes: file that lists the class folders to use; "" uses all of them.

    Returns:
      Images that methods learn from, and images to evaluate them with.

    Raises:
      UserError: if there is no such set or its files are not as expected; if a user's module raises
        or returns something else; if images that do not come from image files have another size or
        number of channels; or if the set does not support a list of classes.
    """
    source = find(sources, name, "load")
    require(image_size >= 0, "image_size", image_size, "must be 0 (as stored) or a side in pixels")
    options = {"path": path, "image_size": image_size, "channels": channels}
    if classes:
        supported = "classes" in inspect.signature(source).parameters
        rule = f"must be empty, since {name} does not support a list of classes"
        require(supported, "classes", classes, rule)
        options["classes"] = classes
    with own_code(name):
        found = source(**options)
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
