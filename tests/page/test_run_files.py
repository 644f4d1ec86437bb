"""The files of a run's folder, complete or not."""

import json

import pytest

from ssl_jax.errors import UserError
from ssl_jax.page.run_files import read_run_files, run_names


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "config.json").write_text('{"method": {"name": "simclr"}}')
    return tmp_path


def test_a_run_that_has_only_begun(workdir):
    found = read_run_files(workdir, "a")
    assert (found.metrics, found.result, found.evaluations) == ((), None, ())


def test_lines_that_are_whole_and_figures_that_are_finite(workdir):
    lines = ['{"step": 1, "epoch": 1, "loss": NaN, "rank": 2}', "[1]", '{"step": 2, "epo']
    (workdir / "metrics.jsonl").write_text("\n".join(lines))
    assert read_run_files(workdir, "a").metrics == ({"step": 1, "epoch": 1, "rank": 2},)
    assert all(isinstance(v, float) for v in read_run_files(workdir, "a").metrics[0].values())


def test_evaluations_in_the_order_of_their_names(workdir):
    (workdir / "evaluations").mkdir()
    for name in ("svm-voc07", "knn-digits"):
        content = json.dumps({"protocol": name})
        (workdir / "evaluations" / f"{name}.json").write_text(content)
    found = [e["protocol"] for e in read_run_files(workdir, "a").evaluations]
    assert found == ["knn-digits", "svm-voc07"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no config.json"), ("{", "not the configuration"), ("[1]", "not the configuration")],
)
def test_what_is_no_run_says_so(workdir, content, message):
    (workdir / "config.json").unlink()
    if content is not None:
        (workdir / "config.json").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_run_files(workdir, "a")
    assert "\n" not in str(caught.value)


def test_folders_of_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / "x" / "run", tmp_path / "y" / "run", tmp_path / "other"]
    assert run_names(paths[:1]) == ["run"]
    assert run_names(paths) == ["x/run", "y/run", f"{tmp_path.name}/other"]
    with pytest.raises(UserError, match="given twice"):
        run_names([paths[0], tmp_path / "y" / ".." / "x" / "run"])
