"""metrics.jsonl and TensorBoard events, whatever is in the file and whatever the disk does."""

import errno
import json
import os
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto import event_pb2

from ssl_jax.errors import UserError
from ssl_jax.training import event_file
from ssl_jax.training.metrics_log import MetricsLog, read_metrics

GOOD = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5}, {"step": 3, "loss": 1.0}]


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


ODD = {
    "empty": b"",
    "cut": b'{"step": 4, "lo',
    "no line break": b'{"step": 2, "loss": 3.0}',
    "not UTF-8": b"\xff\xfe\x00\n",
    "a list": b"[1, 2]\n",
    "null": b"null\n",
    "no step": b'{"loss": 1.0}\n',
    "step is text": b'{"step": "x", "loss": 1.0}\n',
    "step is a list": b'{"step": [1], "loss": 1.0}\n',
    "huge": b'{"step": 1' + 400 * b"0" + b', "loss": 1.0}\n',
    "deep": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_lines_are_left_out_and_the_others_kept(odd: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(lines(GOOD[0]) + ODD[odd] + b"\n" + lines(*GOOD[1:]))
    expected = [GOOD[0], *GOOD[1:]]
    if odd == "no line break":  # here it has one
        expected.insert(1, json.loads(ODD[odd]))
    assert read_metrics(path) == expected
    path.write_bytes(lines(*GOOD) + ODD[odd])
    with MetricsLog(tmp_path, 2) as log:
        log.write(3, {"loss": 0.5})
    assert read_metrics(path) == [*GOOD[:2], {"step": 3, "loss": 0.5}]
    assert path.read_bytes() == lines(*GOOD[:2], {"step": 3, "loss": 0.5})


def test_a_missing_file_and_numbers_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(path) == []
    path.write_text('{"step": 1, "loss": NaN, "rank": Infinity, "ok": true, "x": 1}\n')
    assert read_metrics(path) == [{"step": 1, "x": 1}]
    path.unlink()
    path.mkdir()
    for read in (lambda: read_metrics(path), lambda: MetricsLog(tmp_path)):
        with pytest.raises(UserError, match="metrics.jsonl cannot be .*: Is a directory"):
            read()


def events(folder: Path) -> list[Any]:
    """All events of a folder, read as TensorBoard does: length, two checksums, content."""
    found = []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            found.append(vars(event_pb2)["Event"].FromString(content[12 : 12 + length]))
            content = content[16 + length :]
    return found


def test_tensorboard_gets_the_same_numbers_and_hides_what_is_trained_again(tmp_path: Path) -> None:
    for step in (0, 2):
        with MetricsLog(tmp_path, step) as log:
            log.write(step + 1, {"loss": 0.5, "rank": 2.0})
    found = [
        (event.step, value.tag, value.simple_value)
        for event in events(tmp_path / "events")
        for value in event.summary.value
    ]
    expected = [(step, tag, x) for step in (1, 3) for tag, x in (("loss", 0.5), ("rank", 2.0))]
    assert sorted(found) == sorted(expected)
    starts = [e.step for e in events(tmp_path / "events") if e.HasField("session_log")]
    assert sorted(starts) == [1, 3]


def test_without_events_a_run_goes_on_after_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    died: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", died.append)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    threads = threading.active_count()
    with MetricsLog(tmp_path, report=said.append) as log:
        log.write(1, {"loss": 1.0})
        monkeypatch.setattr(event_file.RecordWriter, "write", full)
        for step in range(2, 40):
            log.write(step, {"loss": 1.0})
    assert said == [f"no more TensorBoard events: {tmp_path / 'events'}: No space left on device"]
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 39
    assert not died and threading.active_count() == threads


def test_events_that_cannot_even_begin(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file")
    said: list[str] = []
    with MetricsLog(tmp_path, report=said.append) as log:
        log.write(1, {"loss": 1.0})
    assert len(said) == 1 and "File exists" in said[0]


def test_a_metric_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    log = MetricsLog.__new__(MetricsLog)
    log._open, log._path = True, tmp_path / "metrics.jsonl"
    log._file = log._path.open("ab", buffering=0)
    with pytest.raises(UserError, match="metrics.jsonl cannot be written: No space left"):
        log.write(1, {"loss": 1.0})
    log._file.close()
