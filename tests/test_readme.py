"""Tables in the README are what the committed results say."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ROOT / "experiments"


TABLES = ["digits", "ba_moco_cifar10_small", "methods_cifar10_small", "brownian_collapse"]


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_shows_the_table_of_the_results(name, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    done = json.loads((EXPERIMENTS / "results" / f"{name}.json").read_text())
    assert module.table(done) in (ROOT / "README.md").read_text()
