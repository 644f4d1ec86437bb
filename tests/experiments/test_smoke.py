"""Rows of three tables trained as small as they go, each in a process of its own."""

from typing import NamedTuple

import pytest

from experiments.engine import catalogue
from experiments.engine.cells import cell_of
from experiments.engine.execute import run_all
from experiments.engine.render import measured, value_of
from experiments.engine.runs import missing, runs_of
from experiments.engine.store import Store, identity
from experiments.engine.table import Column, Row
from tests.experiments.made import table

WANTED = ("ba_ssl/table3", "multi_network/table4", "msbreg/table6")
TABLES = [name for name in WANTED if name in catalogue.names()]
# Five patches of four.
GEOMETRY = Column("uniformity", "geometry", "uniformity", percent=False)
IMPOSSIBLE = Row("impossible", "multi_network", changes={"method.k": 5})


class Ran(NamedTuple):
    """Runs that were run, and what came of it."""

    runs: list
    store: Store
    folder: object
    failed: list


@pytest.fixture(scope="module", autouse=True)
def one_device():
    """The processes that are started have one device, not the eight of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_NUM_CPU_DEVICES", "1")
        # They are many, and most of what they compile is the same.
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


def first_rows(name, count=2):
    """The first rows of a table with one seed."""
    found = catalogue.table(name)
    names = [row.name for row in found.rows if "smoke" in row.scales]
    return runs_of(found, "smoke", rows=names[:count], seeds=[0])


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    runs = [run for name in TABLES for run in first_rows(name)]
    (impossible,) = runs_of(table(IMPOSSIBLE, seeds=(0,)), "smoke")
    store = Store(folder / "results")
    wanted = [impossible, *runs, in_another_table(runs[0])]
    failed = run_all(wanted, store, folder / "runs", at_once=2)
    return Ran(runs, store, folder, failed)


def in_another_table(run):
    """The same run as a row of a table with another column."""
    other = table(run.row._replace(name="the same"), columns=(GEOMETRY,), seeds=(run.seed,))
    return runs_of(other, "smoke")[0]


def test_a_row_that_fails_is_reported_and_the_others_go_on(ran):
    (line,) = ran.failed
    assert line.startswith("impossible, seed 0: ") and "method.k" in line and "\n" not in line
    assert all(ran.store.of_run(identity(run.config)) for run in ran.runs)


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_a_table_have_numbers(ran, name):
    found = catalogue.table(name)
    chosen = {run.row.name for run in first_rows(name)}
    for row in measured(found._replace(seeds=(0,)), "smoke", ran.store):
        assert sorted(row.results) == ([0] if row.row.name in chosen else [])
        for result in row.results.values():
            shares = [value_of(result, column, "smoke") for column in found.columns]
            assert all(0 <= share <= 1 for share in shares)


def test_a_result_says_what_it_is_of(ran):
    for run in ran.runs:
        result = ran.store.of_run(identity(run.config))
        assert result["seed"] == 0 and result["steps"] == 4
        assert result["settings"]["method"]["name"] == run.config.method.name
        assert identity(run.config).endswith(result["data_fingerprint"][:8])
        assert result["curve"][-1]["epoch"] == 1.0 and result["curve"][-1]["loss"] > 0


def test_a_second_call_runs_nothing_again(ran, capsys):
    def files():
        return {path: path.stat().st_mtime_ns for path in ran.folder.rglob("*")}

    before = files()
    assert run_all(ran.runs, ran.store, ran.folder / "runs", at_once=2) == []
    assert files() == before
    assert capsys.readouterr() == ("", "")


def test_a_row_that_tables_share_is_trained_once_and_evaluated_for_both(ran):
    run = ran.runs[0]
    result = ran.store.of_run(identity(run.config))
    assert -4 <= result["evaluations"]["geometry"]["uniformity"] <= 0
    assert missing(run, result) == missing(in_another_table(run), result) == []
    assert len(list((ran.folder / "results").iterdir())) == len(ran.runs)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A folder that all tables share."""
    return tmp_path_factory.mktemp("everything")


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names())
def test_every_row_of_every_table_has_numbers(everything, name):
    found = catalogue.table(name)._replace(seeds=(0,))
    store = Store(everything / "results")
    assert run_all(runs_of(found, "smoke"), store, everything / "runs", at_once=2) == []
    for row in measured(found, "smoke", store):
        assert sorted(row.results) == ([0] if "smoke" in row.row.scales else []), row.row.name
        for result in row.results.values():
            for column in [
                c for c in found.columns if c.protocol == "curve" or cell_of(c, "smoke")
            ]:
                value = value_of(result, column, "smoke")
                assert isinstance(value, float), (row.row.name, column.title)
