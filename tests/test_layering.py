"""The package reads from the top down: commands at its root, folders below that do not import
each other, menus that hold their choices only."""

import ast
import importlib
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ssl_jax
from ssl_jax.command_line.commands import COMMANDS
from ssl_jax.names.lookup import choices, module_of

ROOT = Path(ssl_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MODULES = {path.relative_to(ROOT).with_suffix("").parts for path in FILES}


def imported(path):
    """The modules of the package that a file imports, as paths below its root."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ssl_jax":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names if a.name.split(".")[0] == "ssl_jax"]
        for name in names:
            parts = tuple(name.split(".")[1:])
            yield next(
                p for p in (parts, parts[:-1]) if p in MODULES or (*p, "__init__") in MODULES
            )


def room(parts):
    """What a module belongs to: its folder, or itself where it lies at the root."""
    top = parts[0] if parts else "__init__"
    return top if (ROOT / top).is_dir() else f"{top}.py"


def graph():
    rooms = {}
    for path in FILES:
        own = room(path.relative_to(ROOT).with_suffix("").parts)
        rooms.setdefault(own, set()).update({room(parts) for parts in imported(path)} - {own})
    return rooms


def test_no_two_folders_import_each_other():
    rooms = graph()
    rooms.pop("__init__.py")  # imports late, what it makes public
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_pmap_and_axis_names_do_not_appear():
    for path in FILES:
        text = path.read_text()
        assert "pmap(" not in text and "axis_name" not in text, path


COMMANDS_AND_TYPES = {"__init__", "__main__", "types", "errors"} | set(COMMANDS)


def test_the_root_holds_commands_types_and_errors_only():
    assert {path.stem for path in ROOT.glob("*.py")} == COMMANDS_AND_TYPES


def test_only_the_setup_and_the_commands_know_a_configuration():
    readers = {
        room(path.relative_to(ROOT).with_suffix("").parts)
        for path in FILES
        if re.search(r"\bConfig(Dict)?\b", path.read_text())
    }
    assert readers <= {"setup", "run", "command_line", "names", "page", "types.py", "evaluate.py"}


MENUS = {
    "methods": ["make"],
    "data.sources": ["load"],
    "formats": ["write", "features", "advice"],
    "configs": ["get_config", "VARIANTS", "SOURCES"],
}


@pytest.mark.parametrize("menu", MENUS)
def test_a_menu_holds_its_choices_and_nothing_else(menu):
    package = importlib.import_module(f"ssl_jax.{menu}")
    for name in set(choices(package)) - {"common", "sources"}:
        module = module_of(package, name)
        assert all(hasattr(module, attribute) for attribute in MENUS[menu]), name
