"""What a name stands for: a file of a menu, or a dotted path into a package of the user's."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from ssl_jax.errors import Problem, UserError, require


def choices(menu: ModuleType) -> list[str]:
    """The names of a menu, a package that holds one file per choice; imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(menu.__path__) if not module.ispkg)


def find(menu: ModuleType, name: str, attribute: str) -> Any:
    """The `attribute` of a choice of the menu, or of a module of the user's at a dotted path.

    Raises:
      UserError: for a name that is neither; lists the names that exist.
    """
    if "." in name:
        module = at_path(name)
        require(hasattr(module, attribute), "name", name, f"has no {attribute}")
        return getattr(module, attribute)
    known = choices(menu)
    rule = f"must be one of {', '.join(known)}, or the dotted path of a module of yours"
    require(name in known, "name", name, rule)
    return getattr(module_of(menu, name), attribute)


def module_of(menu: ModuleType, name: str) -> ModuleType:
    """The module of a choice that exists."""
    return importlib.import_module(f"{menu.__name__}.{name}")


def at_path(path: str) -> Any:
    """What a dotted path names: a module, or what it contains.

    Raises:
      UserError: if it cannot be imported.
    """
    try:
        return importlib.import_module(path)
    except Exception as error:
        parent, _, attribute = path.rpartition(".")
        missing = isinstance(error, ModuleNotFoundError) and error.name == path
        if missing and parent and (found := getattr(at_path(parent), attribute, None)) is not None:
            return found
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        problem = Problem("name", path, f"cannot be imported: {reason}")
        raise UserError(str(problem), problem) from error
