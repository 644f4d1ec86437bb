"""Results are stale once no row has their settings, or once the code has changed."""

import subprocess

import pytest

from experiments.engine.runs import runs_of
from experiments.engine.stale import stale
from experiments.engine.store import Store, identity
from tests.experiments import made

TABLE = made.table(made.row("A", 1.0), made.row("B", 2.0), seeds=(0,))


def git(folder, *words):
    name = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", *name, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit of code."""
    (tmp_path / "ssl_jax").mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "ssl_jax" / "code.py").write_text("1")
    (tmp_path / "configs" / "config.py").write_text("1")
    (tmp_path / "README.md").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "code")
    return tmp_path


@pytest.fixture
def runs(repository):
    return runs_of(TABLE, "smoke", data={"": str(repository)})


@pytest.fixture
def store(repository, runs, tmp_path_factory):
    """Results of both rows, made by the one commit."""
    store = Store(tmp_path_factory.mktemp("results"))
    for run in runs:
        store.write(
            identity(run.config), made.result(run, commit=git(repository, "rev-parse", "HEAD"))
        )
    return store


def test_results_of_todays_code_are_not_stale(store, runs, repository):
    (repository / "README.md").write_text("2")
    assert stale(store, runs, repository) == []


@pytest.mark.parametrize("place", ["ssl_jax/code.py", "configs/config.py"])
@pytest.mark.parametrize("committed", [False, True])
def test_results_of_other_code_are_stale(store, runs, repository, place, committed):
    commit = git(repository, "rev-parse", "HEAD")
    (repository / place).write_text("2")
    if committed:
        git(repository, "commit", "-qam", "change")
    found = stale(store, runs, repository)
    assert {result.name for result in found} == {identity(run.config) for run in runs}
    assert {result.commit for result in found} == {commit}
    assert all("changed" in result.why for result in found)


def test_a_result_that_no_row_has_is_stale(store, runs, repository):
    (found,) = stale(store, runs[:1], repository)
    assert found.name == identity(runs[1].config)
    assert "no row" in found.why


def test_a_result_of_an_unknown_commit_is_stale(runs, repository, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("results"))
    store.write(identity(runs[0].config), made.result(runs[0], commit="0123456789ab"))
    assert len(stale(store, runs, repository)) == 1
