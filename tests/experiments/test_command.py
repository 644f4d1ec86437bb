"""`python -m experiments`: what it prints, what it runs, and what it refuses in one line."""

from pathlib import Path

import pytest

from experiments import __main__ as command
from experiments.engine import catalogue
from ssl_jax.command_line import run_command

TABLE = "multi_network/table4"
ROWS = [row.name for row in catalogue.table(TABLE).rows]


@pytest.fixture
def call(tmp_path, capsys):
    """Calls the command: (exit code, its lines, its lines on errors)."""

    def called(*words):
        results = f"--results={tmp_path / 'results' / 'runs'}"
        with pytest.raises(SystemExit) as exit:
            run_command.run(command.main, ["experiments", *words, results])
        out, errors = capsys.readouterr()
        return exit.value.code, out.splitlines(), errors.splitlines()

    return called


@pytest.fixture
def calls(monkeypatch):
    """What the engine was told to run, in place of running it."""
    found = []

    def run_all(runs, store, workdir, *, at_once):
        found.append((list(runs), workdir, at_once))
        return []

    monkeypatch.setattr("experiments.engine.execute.run_all", run_all)
    return found


def test_every_table_is_listed_with_its_state(call):
    code, lines, errors = call("list")
    assert (code, errors) == (0, [])
    head, *tables = lines
    assert head.split() == ["table", "rows", "smoke", "digits", "small", "gpu", "paper"]
    assert [line.split()[0] for line in tables] == catalogue.names()
    (own,) = [line.split() for line in tables if line.startswith(f"{TABLE} ")]
    assert own[1:7] == ["4", "0/12", "-", "0/12", "0/12", "0/12"]
    assert " ".join(own[7:]) == "Multi-network, Table 4"


def test_a_table_is_run_with_all_rows_and_seeds_at_the_scale_small(call, calls):
    assert call("run", TABLE, "--data=/images")[0] == 0
    ((runs, workdir, at_once),) = calls
    assert [(run.row.name, run.seed) for run in runs] == [(n, s) for s in (0, 1, 2) for n in ROWS]
    assert {run.config.data.name for run in runs} == {"cifar10"}
    assert {run.config.data.path for run in runs} == {"/images"}
    assert (workdir, at_once) == (Path("runs/experiments"), 1)


def test_flags_choose_rows_seeds_scale_and_folders(call, calls, tmp_path):
    rows = f"--rows={ROWS[2]}, {ROWS[0]}"
    where = ["--data=/all", "--data=cifar10=/ten"]
    flags = ["--seeds=5,3", "--scale=gpu", f"--workdir={tmp_path}", "--at_once=2"]
    assert call("run", TABLE, rows, *where, *flags)[0] == 0
    ((runs, workdir, at_once),) = calls
    chosen = [(run.row.name, run.seed) for run in runs]
    assert chosen == [(name, seed) for seed in (5, 3) for name in (ROWS[0], ROWS[2])]
    assert {run.config.data.path for run in runs} == {"/ten"}
    assert {run.config.batch_size for run in runs} == {256}
    assert (workdir, at_once) == (tmp_path, 2)


def test_all_tables_are_one_call(call, calls):
    assert call("run", "all", "--scale=smoke", "--seeds=0")[0] == 0
    ((runs, *_),) = calls
    tables = [catalogue.table(name) for name in catalogue.names()]
    expected = [row.name for table in tables for row in table.rows if "smoke" in row.scales]
    assert [run.row.name for run in runs] == expected


def test_a_failed_run_makes_the_exit_code(call, monkeypatch):
    failing = lambda *args, **options: ["a row, seed 0: exit 1"]  # noqa: E731
    monkeypatch.setattr("experiments.engine.execute.run_all", failing)
    assert call("run", TABLE, "--scale=smoke")[0] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", TABLE, "--rows=j = 1,j = 9"], ["'j = 9'", "j = 1, j = 2"]),
        (["run", "multi_network/table9"], ["'multi_network/table9'", *catalogue.names()]),
        (["show", "table4"], ["'table4'", *catalogue.names()]),
    ],
)
def test_what_does_not_exist_is_refused_in_a_line_that_says_what_does(call, words, said):
    code, lines, (error,) = call(*words)
    assert (code, lines) == (1, [])
    assert error.startswith("error: ") and all(text in error for text in said)


@pytest.mark.parametrize("where", [[], ["--data=/nowhere"], ["--data=cifar100=/nowhere"]])
def test_images_that_are_missing_are_said_with_the_row_that_needs_them(call, where, tmp_path):
    workdir = f"--workdir={tmp_path / 'runs'}"
    code, lines, (error,) = call("run", TABLE, "--rows=j = 3", *where, workdir)
    assert (code, lines) == (1, [])
    assert error.startswith("error: row 'j = 3' needs its images: ")
    assert "/nowhere" in error or "--data=/nowhere" not in where
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["walk", TABLE],
        ["run"],
        ["run", TABLE, "--scale=huge"],
        ["run", TABLE, "--seeds=zero"],
        ["run", TABLE, "--at_once=all"],
    ],
)
def test_words_that_are_not_understood_print_the_usage(words, capsys):
    with pytest.raises(SystemExit) as exit:
        run_command.run(command.main, ["experiments", *words])
    assert exit.value.code == 2
    out, errors = capsys.readouterr()
    assert out == "" and errors.startswith("usage: python -m experiments")


def test_help_says_what_a_table_is_called(capsys):
    with pytest.raises(SystemExit) as exit:
        run_command.run(command.main, ["experiments", "--help"])
    assert exit.value.code == 0 and "ba_ssl/table3" in capsys.readouterr().out


def test_a_table_is_shown_and_written_as_text_and_figure(call, tmp_path):
    code, lines, errors = call("show", TABLE, "--scale=smoke")
    assert (code, errors) == (0, [])
    assert lines[0].startswith("**Multi-network, Table 4**")
    assert sum(line.startswith("| j = ") and "not run" in line for line in lines) == 4
    place = tmp_path / "results" / "smoke" / TABLE
    assert place.with_suffix(".md").read_text() in "\n".join(lines)
    assert place.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_dry_run_predicts_time_and_disk_and_trains_nothing(call, calls):
    code, lines, errors = call("run", TABLE, "--scale=smoke", "--dry_run", "--seeds=0,1")
    assert (code, errors, calls) == (0, [], [])
    *runs, total = lines
    assert len(runs) == 8 and all(" min" in line and " MB" in line for line in runs)
    assert total.startswith("8 runs, ")
