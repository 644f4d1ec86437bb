"""The rules of the house that a machine can check, for every file of the package and around it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("ssl_jax", "configs", "benchmarks", "experiments", "launch")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
LINES, FUNCTION_LINES = 300, 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_idea_that_says_what_it_is(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= LINES
    if text.strip():
        assert ast.get_docstring(tree), "it has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            documented = len((ast.get_docstring(node) or "").splitlines())
            # A method's `make` holds its functions, each of which fits a screen.
            limit = 2 * FUNCTION_LINES if node.name == "make" else FUNCTION_LINES
            assert length - documented <= limit, f"{node.name} has {length} lines"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ssl_jax"):
            private = [alias.name for alias in node.names if alias.name.startswith("_")]
            assert not [name for name in private if not name.startswith("__")], private
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), "a bare except"


def test_no_drawer_is_called_utils():
    names = {path.stem for path in FILES}
    # configs/common.py is what every config starts from.
    assert not names & {"utils", "util", "helpers", "misc", "tools"}
    assert [path.parent.name for path in FILES if path.stem == "common"] == ["configs"]
