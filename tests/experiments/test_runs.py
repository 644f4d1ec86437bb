"""What becomes of a run whose training ends early."""

from experiments.engine import runs
from experiments.engine.store import Store
from tests.experiments.made import row, table


def test_a_run_that_was_stopped_is_reported_as_one_to_resume(tmp_path, monkeypatch):
    # A stopped training saves its state and exits with 0, without a result.
    monkeypatch.setattr(runs, "_call", lambda *arguments: None)
    made = runs.runs_of(table(row("A", 1.0)), "smoke", seeds=(0,))
    (failed,) = runs.run_all(made, Store(tmp_path / "results"), tmp_path)
    assert failed.startswith("A, seed 0: ") and "resumes" in failed
    assert Store(tmp_path / "results").everything() == {}
