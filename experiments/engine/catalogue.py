"""The tables by their names: "ba_ssl/table3" is experiments/ba_ssl/table3.py."""

import difflib
import importlib
from pathlib import Path

from experiments.engine.table import Table
from ssl_jax.errors import UserError

FOLDER = Path(__file__).parents[1]
PAPERS = ("ba_ssl", "msbreg", "multi_network", "downscaled", "ours")


def names() -> list[str]:
    """All tables, paper by paper."""
    return [
        f"{paper}/{path.stem}"
        for paper in PAPERS
        for path in sorted((FOLDER / paper).glob("*.py"), key=_in_order)
        if path.stem != "__init__"
    ]


def _in_order(path: Path) -> tuple[str, int]:
    """table2 before table10."""
    word = path.stem.rstrip("0123456789")
    return word, int(path.stem[len(word) :] or 0)


def table(name: str) -> Table:
    """The table of a name.

    Raises:
      UserError: for an unknown name; lists what exists.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"there is no table {name!r}; {hint}there are {', '.join(names())}")
    return importlib.import_module(f"experiments.{name.replace('/', '.')}").TABLE
