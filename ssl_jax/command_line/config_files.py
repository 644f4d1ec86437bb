"""Configurations by name or by path: "ba_moco", "configs/ba_moco.py", "my_config.py:variant"."""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ml_collections import ConfigDict

from ssl_jax import configs
from ssl_jax.errors import UsageError, UserError
from ssl_jax.names.own_code import reason
from ssl_jax.names.similar import similar

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
    if name in names():
        return Chosen(Path(str(configs.__path__[0])) / f"{name}.py", variant)
    if file.is_file():
        return Chosen(file.resolve(), variant)
    if file.suffix == ".py" or len(file.parts) > 1:
        raise UsageError(f"--config={name}: there is no such file")
    near = similar(name, names())
    hint = f"did you mean {near}? " if near else ""
    raise UsageError(
        f"--config={name}: {hint}there are {', '.join(names())}, or the path of a file"
    )


def load(chosen: Chosen) -> ConfigDict:
    """Runs the file of a configuration, and nothing else.

    What it imports is what any module would: `ssl_jax.configs` is the package's, whatever lies
    beside the file, and sys.path is afterwards what it was before.

    Raises:
      UserError: whatever the file does wrong, with the line in which it does.
    """
    name = f"--config={chosen.file}"
    spec = importlib.util.spec_from_file_location(f"config_{chosen.file.stem}", chosen.file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{name} must be a Python file, whose name ends in .py")
    made, path = importlib.util.module_from_spec(spec), list(sys.path)
    try:
        spec.loader.exec_module(made)
        config = made.get_config(chosen.variant)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"{name} cannot be read: {reason(error)}") from error
    finally:
        sys.path[:] = path
    if not isinstance(config, ConfigDict):
        raise UserError(f"{name} cannot be read: get_config(variant) must return a ConfigDict")
    return config.lock()


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
