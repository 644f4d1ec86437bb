"""Configurations by name or by path: "ba_moco", "configs/ba_moco.py", "my_config.py:variant"."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ssl_jax import configs
from ssl_jax.errors import UserError

# Modules beside the configurations that are none.
SHARED = ("common", "sources")


class Chosen(NamedTuple):
    """A configuration that was chosen on the command line.

    file: the Python file that makes it.
    variant: what its `get_config` is called with; empty: its default.
    """

    file: Path
    variant: str


def choose(text: str) -> Chosen:
    """The configuration called NAME[:VARIANT], or in the file PATH[:VARIANT].

    Raises:
      UserError: where there is none.
    """
    name, _, variant = text.partition(":")
    file = Path(name).expanduser()
    if file.is_file():
        return Chosen(file.resolve(), variant)
    if name in names():
        return Chosen(Path(str(configs.__path__[0])) / f"{name}.py", variant)
    if file.suffix == ".py" or len(file.parts) > 1:
        raise UserError(f"--config={name}: there is no such file")
    raise UserError(f"--config={name}: there are {', '.join(names())}, or the path of a file")


def names() -> list[str]:
    """The configurations that come with the package."""
    found = [module.name for module in pkgutil.iter_modules(configs.__path__)]
    return sorted(name for name in found if name not in SHARED)


def module(name: str) -> ModuleType:
    """The module of a configuration that comes with the package."""
    return importlib.import_module(f"{configs.__name__}.{name}")


def variants(name: str) -> list[str]:
    """The variants of a configuration that comes with the package, its default first."""
    return list(module(name).VARIANTS)
