"""README, docs and the docstrings of configs say what the code and the committed results say."""

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from experiments import what_fusion_learns
from experiments.engine import catalogue
from experiments.engine.render import markdown
from experiments.engine.runs import runs_of
from experiments.engine.store import Store
from ssl_jax import methods
from ssl_jax.command_line import config_files
from ssl_jax.command_line.commands import ALIASES, COMMANDS
from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.evaluation.table import evaluation_table
from ssl_jax.names.lookup import choices

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ROOT / "experiments"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text() for page in PAGES}
DOCSTRINGS = {
    f"configs/{path.name}": ast.get_docstring(ast.parse(path.read_text())) or ""
    for path in sorted((ROOT / "configs").glob("*.py"))
}
# By the name of a table and a scale, the page that shows it.
TABLES = {
    ("ours/methods", "digits"): "docs/results.md",
    ("ours/methods", "small"): "docs/results.md",
    ("ours/brownian_collapse", "digits"): "docs/results.md",
    ("ba_ssl/options", "small"): "docs/results.md",
}


@pytest.mark.parametrize(("name", "scale"), TABLES)
def test_a_page_shows_the_table_of_the_results(name, scale):
    text = markdown(catalogue.table(name), scale, Store())
    lines = [line for line in text.splitlines() if line.startswith(("|", "To beat"))]
    page = TEXTS[TABLES[name, scale]]
    assert "\n".join(line for line in lines if line.startswith("|")) in page
    assert all(line in page for line in lines)
    assert (EXPERIMENTS / "results" / scale / f"{name}.md").read_text() == f"{text}\n"


def test_the_page_shows_what_fusion_learns():
    found = json.loads((EXPERIMENTS / "results" / "what_fusion_learns.json").read_text())
    assert what_fusion_learns.table(found) in TEXTS["docs/results.md"]


def test_the_page_on_speed_shows_the_table_of_what_was_compiled(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    place = EXPERIMENTS / "compiled_for_h200.py"
    spec = importlib.util.spec_from_file_location("compiled_for_h200", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    done = json.loads((EXPERIMENTS / "results" / "compiled_for_h200.json").read_text())
    assert module.table(done) in TEXTS["docs/performance.md"]


def run_on_digits(config):
    """The run of a config on digits with seed 0, None if there is none."""
    methods = catalogue.table("ours/methods")
    (run,) = [r for r in runs_of(methods, "digits", seeds=[0]) if r.row.config == config]
    return next(iter(Store().of_settings(run.config)), None)


def test_the_readme_shows_what_make_train_ends_with():
    lines = evaluation_table(run_on_digits("ba_moco")["evaluation"]).splitlines()
    assert "\n".join(f"    {line}" for line in lines) in TEXTS["README.md"]


@pytest.mark.parametrize("config", config_files.names())
def test_a_config_says_what_was_measured(config):
    run = run_on_digits(config)
    docstring = " ".join(DOCSTRINGS[f"configs/{config}.py"].split())
    if run is None:
        assert "Measured with this code: digits" not in docstring
        return
    scores = [run["evaluation"]["trained"][f"{which}_top1"] for which in ("knn", "linear")]
    knn, linear = (f"{100 * score:.2f} %" for score in scores)
    expected = (
        rf"Measured with this code: digits, seed 0, {run['seconds']:.0f} s on "
        rf"(one CPU core|two CPU cores): kNN {knn}, linear {linear} "
        r"\(experiments/ours/methods\.py\)"
    )
    assert re.search(expected, docstring)


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 120


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXTS[page])
    local = [link for link in links if "://" not in link]
    assert not [link for link in local if not ((ROOT / page).parent / link).exists()]


EVERYWHERE = TEXTS | DOCSTRINGS
TOPS = "ssl_jax|configs|experiments|benchmarks|launch|tests|docs"


@pytest.mark.parametrize("page", EVERYWHERE)
def test_code_that_is_named_exists(page):
    """Files and folders of the repository; a name with capitals is any, or elsewhere."""
    named = set(re.findall(rf"(?:^|[\s`(])((?:{TOPS})/[\w./-]*\w/?)", EVERYWHERE[page]))
    here = [path for path in named if not re.search("[A-Z]", path)]
    assert not [path for path in here if not (ROOT / path).exists()]


def test_every_folder_of_the_package_is_described():
    folders = {path.parent.name for path in (ROOT / "ssl_jax").glob("*/__init__.py")}
    described = re.findall(r"^ {6}(\w+)/ ", TEXTS["docs/architecture.md"], re.MULTILINE)
    assert folders == set(described)


@pytest.mark.parametrize("page", EVERYWHERE)
def test_commands_exist(page):
    called = re.findall(r"(?:python -m ssl_jax[. ]|ssl-jax )([a-z]\w*)", EVERYWHERE[page])
    assert not set(called) - {*COMMANDS, *ALIASES}


@pytest.mark.parametrize("page", EVERYWHERE)
def test_configurations_exist(page):
    for name, variant in re.findall(r"--config=([\w./]+)(?::(\w+))?", EVERYWHERE[page]):
        if "/" in name:
            assert (ROOT / name).exists(), name
        elif not name.isupper() and not name.endswith(".py"):  # NAME and my_config.py: any
            assert name in config_files.names()
            if variant and not variant.isupper():
                assert variant in config_files.variants(name), f"{name}:{variant}"


@pytest.mark.parametrize("config", config_files.names())
def test_variants_that_a_config_describes_exist(config):
    lines = DOCSTRINGS[f"configs/{config}.py"].splitlines()
    listed = [re.match(r"  ((?:\w+, )*\w+)(?:  |$)", line) for line in lines]
    words = [word for match in listed if match for word in match[1].split(", ")]
    words += [word for line in lines if "... :" in line for word in re.findall(r":(\w+)", line)]
    words = [word for word in words if re.match("cifar|imagenet|stl|tiny", word)]
    assert not set(words) - set(config_files.variants(config))


def rows(text):
    """The cells of every row of the tables of a page; what is in backticks, as a set."""
    lines = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [[set(re.findall(r"`([^`]+)`", cell)) for cell in line] for line in lines]


def test_the_readme_lists_commands_and_configs_as_they_are():
    """All commands; a config that was added may wait for its row, so that it is one file."""
    table = rows(TEXTS["README.md"])
    assert set(COMMANDS) <= set().union(*(row[0] for row in table))
    start = TEXTS["README.md"].index("| config | method |")
    listed = rows(TEXTS["README.md"][start:])
    configs = set().union(*(row[0] for row in listed))
    assert "ba_moco" in configs and configs <= set(config_files.names())
    assert set().union(*(row[1] for row in listed)) <= set(choices(methods))
    for row in listed:
        for config in row[0]:
            assert config_files.module(config).get_config().method.name in row[1]


def test_all_protocols_are_described():
    named = set(re.findall(r"`(\w+)`", TEXTS["docs/evaluation.md"]))
    assert set(PROTOCOLS) <= named
