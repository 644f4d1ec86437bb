"""A file imports only from files above it, so that one can read the package from the top down."""

import ast
import re
from pathlib import Path

import pytest

import ssl_jax

ROOT = Path(ssl_jax.__file__).parent
ORDER = [
    "errors",
    "types",
    "sharding",
    "losses",
    "flops",
    "norms",
    "optim",
    "augment",
    "data",
    "networks",
    "methods",
    "checkpoint",
    "encoder",
    "report",
    "preemption",
    "train",
    "pipeline",
    "evaluate",
    "fit",
    "validate",
    "parts",
    "build",
    "checks",
    "run",
    "page",
    "command_line",
    "benchmark",
    "doctor",
    "embed",
    "export",
    "import_weights",
    "main",
]
FILES = sorted(ROOT.rglob("*.py"))


def part(path):
    """The entry of ORDER that a file belongs to; commands inside a package come last."""
    if path.name == "__main__.py":
        return "main"
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ssl_jax"):
            names = node.module.split(".")[1:2]
            yield from names or [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("ssl_jax."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_upwards(path):
    if path == ROOT / "__init__.py":
        return
    own = ORDER.index(part(path))
    for name in imported(path):
        assert ORDER.index(name) <= own, f"{path.name} imports {name}, which comes after it"


def test_only_build_and_the_commands_know_the_configuration():
    readers = {part(path) for path in FILES if re.search(r"\bConfig(Dict)?\b", path.read_text())}
    assert readers <= {
        "types",
        "validate",
        "parts",
        "build",
        "checks",
        "command_line",
        "report",
        "benchmark",
        "doctor",
        "main",
    }


def test_pmap_and_axis_names_do_not_appear():
    for path in FILES:
        text = path.read_text()
        assert "pmap(" not in text and "axis_name" not in text, path
