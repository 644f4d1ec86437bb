"""Looks up a name: a file of a menu, or a dotted path into a user's package."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from ssl_jax.errors import require
from ssl_jax.names.own_code import refusal


def choices(menu: ModuleType) -> list[str]:
    """Lists the names of a menu, a package with one file per choice, without importing them.

    >>> from ssl_jax.data import sources
    >>> choices(sources)[:3]
    ['cifar10', 'cifar100', 'digits']
    """
    return sorted(module.name for module in pkgutil.iter_modules(menu.__path__) if not module.ispkg)


def find(menu: ModuleType, name: str, attribute: str) -> Any:
    """Looks up an attribute of a choice of the menu, or of a user's module.

    Args:
      menu: the package of the choices.
      name: of a choice, or the dotted path of a module.
      attribute: name of the attribute.

    Raises:
      UserError: if there is no such choice or module, with a list of the choices.
    """
    if "." in name:
        module = at_path(name)
        require(hasattr(module, attribute), "name", name, f"has no {attribute}")
        return getattr(module, attribute)
    names = choices(menu)
    rule = f"must be one of {', '.join(names)}, or the dotted path of your own module"
    require(name in names, "name", name, rule)
    return getattr(module_of(menu, name), attribute)


def module_of(menu: ModuleType, name: str) -> ModuleType:
    """Imports the module of an existing choice."""
    return importlib.import_module(f"{menu.__name__}.{name}")


def at_path(path: str) -> Any:
    """Imports the module at a dotted path, or an attribute of a module.

    Raises:
      UserError: if it cannot be imported.
    """
    try:
        return importlib.import_module(path)
    except Exception as error:
        parent, _, attribute = path.rpartition(".")
        missing = isinstance(error, ModuleNotFoundError) and error.name == path
        if missing and parent and (value := getattr(at_path(parent), attribute, None)) is not None:
            return value
        raise refusal(path, "cannot be imported:", error) from error
