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
        printer("images", count, 5000)
    for now[0], count in ((41.0, 1), (43.0, 2), (52.0, 3)):
        printer("epochs", count, 10)
    assert capsys.readouterr().out.splitlines() == [
        "images: 1,100/5,000, 0:00:39 left",
        "images: 3,000/5,000, 0:00:20 left",
        "epochs: 1/10",
        "epochs: 3/10, 0:00:38 left",
    ]
