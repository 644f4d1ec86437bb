"""The scripts of benchmarks/, which find their neighbours by the path as when they are run."""

import importlib
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "benchmarks"


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)
