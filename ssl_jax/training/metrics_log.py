"""The metrics of a run, written as they are measured: metrics.jsonl and TensorBoard events."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ssl_jax.errors import UserError
from ssl_jax.storage.atomic import reason, replacing, writing
from ssl_jax.training.event_file import EventFile


class MetricsLog:
    """Writes one JSON object per line, flushed at once, and the same scalars as TensorBoard events.

    A run that resumes at `step` drops what an earlier session logged for later steps, because those
    steps are trained again.

    Args:
      workdir: folder of the run; None, in all processes except the first, writes nothing.
      step: number of steps already trained.
      report: gets a line if TensorBoard events cannot be written; the training goes on.

    Raises:
      UserError: if metrics.jsonl cannot be written.
    """

    def __init__(self, workdir: Path | None, step: int = 0, report: Callable[[str], None] = print):
        self._open = workdir is not None
        if workdir is None:
            return
        self._path = workdir / "metrics.jsonl"
        kept = _lines_until(self._path, step)
        if kept is not None:
            with replacing(self._path) as part:
                part.write_bytes(b"".join(kept))
        with writing(self._path):
            self._file = self._path.open("ab", buffering=0)
        self._events = EventFile(workdir / "events", step + 1, report)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Logs the metrics after `step` steps; `values` contains at least "loss".

        Raises:
          UserError: if the line cannot be written.
        """
        if not self._open:
            return
        line = json.dumps({"step": step, **values}).encode() + b"\n"
        with writing(self._path):
            while line:
                line = line[self._file.write(line) :]
        self._events.write(step, values)

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            self._file.close()
            self._events.close()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl that are whole, each reduced to its finite numbers.

    Whatever is no line of metrics, such as one that a killed run left incomplete, is left out, and
    so is everything if there is no such file.

    Raises:
      UserError: if the file cannot be read.
    """
    rows = [_parsed(line) for line in _lines(path)]
    return [row for row in rows if "step" in row]


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason(error)}") from error


def _parsed(line: bytes) -> dict[str, float]:
    """The finite numbers of a line; empty if it is no JSON object."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {name: float(value) for name, value in values.items() if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # A whole number may be too large for a float.
    return number and abs(value) < 1e300 and math.isfinite(value)


def _lines_until(path: Path, step: int) -> list[bytes] | None:
    """The complete lines for steps up to `step`; None if there is no file."""
    if not path.exists():
        return None
    return [
        line
        for line in _lines(path)
        if line.endswith(b"\n") and _parsed(line).get("step", math.inf) <= step
    ]
