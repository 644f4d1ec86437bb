"""A data set by its name: `config.data.name = "digits"` is `sources/digits.py`."""

import importlib
import inspect
import pkgutil

from ssl_jax.data import sources
from ssl_jax.data.dataset import Loaded
from ssl_jax.errors import UserError


def load(
    name: str, *, path: str = "", image_size: int = 0, channels: int = 0, classes: str = ""
) -> Loaded:
    """The images that methods learn from, and those that they are evaluated with.

    Args:
      name: of a file in `sources`.
      path: where the data lie; "" for what needs none.
      image_size: side in pixels to which image files are brought; 0 takes images as stored.
      channels: 1 (grey) or 3 (RGB) to which image files are brought; 0 takes RGB.
      classes: file that lists the class folders to take; "" takes all.

    Raises:
      UserError: where there is no such set, or its files are not what they should be, or it has
        another size or number of channels and is not made of image files, or takes no list.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(sources.__path__))
    if name not in names:
        raise UserError(f"config.data.name {name!r} must be one of {', '.join(names)}")
    if image_size < 0:
        raise UserError(f"config.data.image_size {image_size} must be 0 (as stored) or a side")
    source = importlib.import_module(f"{sources.__name__}.{name}")
    options = {"path": path, "image_size": image_size, "channels": channels}
    if classes:
        if "classes" not in inspect.signature(source.load).parameters:
            raise UserError(f"config.data.classes {classes!r} must be empty: {name} takes no list")
        options["classes"] = classes
    loaded = Loaded(*source.load(**options))
    _, height, width, stored = loaded.train.images.shape
    if image_size and (height, width) != (image_size, image_size):
        raise UserError(
            f"config.data.image_size {image_size} must be 0: images of {name} are {height}x{width}"
        )
    if channels and channels != stored:
        raise UserError(
            f"config.data.channels {channels} must be 0: images of {name} have {stored}"
        )
    return loaded
