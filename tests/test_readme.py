"""Tables in the README and in docs/ are what the committed results say."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ROOT / "experiments"


# By the name of an experiment, the page that shows its table.
TABLES = {
    "digits": "README.md",
    "ba_moco_cifar10_small": "README.md",
    "methods_cifar10_small": "README.md",
    "brownian_collapse": "README.md",
    "cifar10": "docs/cifar10.md",
    "compiled_for_h200": "docs/performance.md",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_page_shows_the_table_of_the_results(name, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    results = EXPERIMENTS / "results" / f"{name}.json"
    done = json.loads(results.read_text()) if results.exists() else []
    assert module.table(done) in (ROOT / TABLES[name]).read_text()
