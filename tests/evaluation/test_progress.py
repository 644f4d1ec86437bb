"""Lines on the progress of an evaluation."""

import pytest

from ssl_jax.evaluation import progress


def test_a_line_is_printed_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    printer = progress.progress_printer()
    for now[0], count in ((1.0, 100), (11.0, 1100), (12.0, 1200), (30.0, 3000)):
        printer("fit", count, 5000)
    assert capsys.readouterr().out.splitlines() == [
        "fit: 1,100/5,000 images encoded",
        "fit: 3,000/5,000 images encoded",
    ]
