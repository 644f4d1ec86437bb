"""What the engine calls to do a run, and what it calls no more once that is done."""

import json

import pytest

from experiments.engine import execute
from experiments.engine.cells import cell_of
from experiments.engine.runs import missing, runs_of
from experiments.engine.store import Store, identity
from experiments.engine.table import Column
from ssl_jax.errors import UserError
from ssl_jax.storage.atomic import read_json, write_json
from tests.experiments.made import row, table

GEOMETRY = Column("uniformity", "geometry", "uniformity")
HALF = Column("half", "geometry", "uniformity", at=0.5)
ELSEWHERE = Column("mAP", "svm", "map", data="voc07")
EPOCHS = {"epochs": 4}


class Calls:
    """Commands in place of those of ssl_jax: what was called, and files such as they write."""

    def __init__(self):
        self.called, self.stops, self.fails, self.result = [], False, (), RESULT

    def __call__(self, command, workdir, own, log):
        name, *flags = command
        given = dict(flag.removeprefix("--").split("=", 1) for flag in flags)
        self.called.append((name, given))
        folder = log.parent
        if name == "main" and not self.stops:
            write_json(folder / "config.json", read_json(folder / "resolved.json"))
            write_json(folder / "result.json", self.result)
            (folder / "metrics.jsonl").write_text("")
        if name == "evaluate":
            (folder / "evaluations").mkdir(exist_ok=True)
            for protocol in given["protocol"].split(","):
                if protocol in self.fails:
                    raise RuntimeError(f"exit 1: {protocol}")
                found = {
                    "protocol": protocol,
                    "uniformity": float(given.get("step", 400)),
                    "top1": 1,
                }
                place = f"{protocol}-{given.get('data', 'own')}.json"
                write_json(folder / "evaluations" / place, found)

    def names(self):
        return [name for name, _ in self.called]


RESULT = {
    "config": {},
    "steps": 400,
    "seconds": 1.0,
    "images_per_second": 1.0,
    "device": "1 x abacus",
    "digest": "0",
    "data_fingerprint": "0",
    "warnings": [],
    "evaluation": None,
}


@pytest.fixture
def calls(monkeypatch):
    made = Calls()
    monkeypatch.setattr(execute, "_call", made)
    return made


@pytest.fixture
def do(tmp_path):
    """Does a row with these columns: (lines on failures, its result)."""
    store = Store(tmp_path / "results")

    def done(*columns, scale="smoke", **changes):
        made = table(row("A", 1.0, at={"smoke": EPOCHS}), columns=columns, **changes)
        runs = runs_of(made, scale, seeds=(0,))
        failed = execute.run_all(runs, store, tmp_path / "runs")
        return failed, store.of_run(identity(runs[0].config))

    return done


def test_a_run_that_was_stopped_is_reported_as_one_to_resume(do, calls):
    # A stopped training saves its state and exits with 0, without a result.
    calls.stops = True
    (failed,), result = do(GEOMETRY)
    assert failed.startswith("A, seed 0: ") and "resumes" in failed
    assert result is None and calls.names() == ["main"]


def test_a_run_that_was_stopped_before_its_evaluation_was_is_resumed(do, calls):
    wanted = {"evaluation": {"at_end": ["knn"]}}
    calls.result = RESULT | {"config": wanted, "evaluated": []}
    (failed,), result = do(GEOMETRY)
    assert "resumes" in failed and result is None
    calls.result = RESULT
    assert do(GEOMETRY)[0] == []
    assert calls.names() == ["main", "main", "evaluate"]


def test_a_trained_run_is_evaluated_for_another_table_without_training(do, calls):
    assert do(GEOMETRY)[0] == []
    failed, result = do(GEOMETRY, Column("svm", "svm"))
    assert failed == [] and calls.names() == ["main", "evaluate", "evaluate"]
    assert calls.called[-1][1]["protocol"] == "svm"
    assert set(result["evaluations"]) == {"geometry", "svm"}


def test_a_result_whose_folder_is_gone_is_trained_again_to_be_evaluated(do, calls, tmp_path):
    do(GEOMETRY)
    for path in tmp_path.glob("runs/*/result.json"):
        path.unlink()
    do(GEOMETRY)
    assert calls.names() == ["main", "evaluate"]  # nothing is missing
    assert do(Column("svm", "svm"))[0] == []
    assert calls.names() == ["main", "evaluate", "main", "evaluate"]


def test_what_was_evaluated_before_another_protocol_failed_is_kept(do, calls):
    calls.fails = ("svm",)
    failed, result = do(GEOMETRY, Column("svm", "svm"))
    assert len(failed) == 1 and set(result["evaluations"]) == {"geometry"}
    calls.fails = ()
    assert do(GEOMETRY, Column("svm", "svm"))[0] == []
    assert calls.names() == ["main", "evaluate", "evaluate"]
    assert calls.called[-1][1]["protocol"] == "svm"


def test_a_column_after_half_of_the_epochs_is_that_of_an_earlier_checkpoint(do, calls, tmp_path):
    failed, result = do(GEOMETRY, HALF)
    assert failed == []
    (config,) = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/config.json")]
    assert (config["checkpoint_every_epochs"], config["keep_checkpoints"]) == (2, 2)
    steps = [given.get("step") for name, given in calls.called if name == "evaluate"]
    assert steps == [None, "200"]
    values = {c.title: cell_of(c, "smoke").value(result) for c in (GEOMETRY, HALF)}
    assert values == {"uniformity": 400.0, "half": 200.0}


def test_a_run_resumes_with_the_checkpoints_that_it_began_with(do, calls, tmp_path):
    do(GEOMETRY)
    for path in tmp_path.glob("runs/*/result.json"):
        path.unlink()
    do(HALF)
    configs = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/config.json")]
    assert [config["checkpoint_every_epochs"] for config in configs] == [1]


def test_a_column_of_another_data_set_is_evaluated_on_what_the_scale_has_for_it(do, calls):
    failed, result = do(GEOMETRY, ELSEWHERE)
    assert failed == []
    own, other = [given for name, given in calls.called if name == "evaluate"]
    assert "data" not in own and (other["data"], other["data_path"]) == ("digits", "")
    assert set(result["evaluations"]) == {"geometry", "svm on digits"}
    assert cell_of(ELSEWHERE, "smoke").value(result) == 1
    assert cell_of(ELSEWHERE, "small") is None
    paper = cell_of(ELSEWHERE, "paper")
    assert (paper.evaluation, paper.metric) == ("svm on voc07", "map")


def test_folders_are_given_by_the_name_of_a_column_and_their_lack_names_the_row():
    column = Column("Places", "places205", data="places205")
    runs = runs_of(table(row("A"), columns=(column,)), "paper", seeds=(0,))
    with pytest.raises(UserError, match="places205"):
        execute.folder_of("places205", runs[0].folders)
    assert execute.folder_of("places205", {"places205": "/places", "": "/all"}) == "/places"
    assert execute.folder_of("inat18", {"places205": "/places", "": "/all"}) == "/all"
    assert missing(runs[0], None) == ["places205 on places205"]
