"""The figures of a run as they come: metrics.jsonl and TensorBoard events."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from ssl_jax.storage.atomic import replace_text


class MetricsLog:
    """Writes one JSON object a line, flushed at once, and the same scalars as TensorBoard events.

    A run that resumes at `step` drops what an earlier sitting wrote for later steps: those steps
    are trained again.
    """

    def __init__(self, workdir: Path | None, step: int = 0):
        """workdir: the run's folder; None, in all processes but the first, writes nothing."""
        self._open = workdir is not None
        if workdir is None:
            return
        path = workdir / "metrics.jsonl"
        if path.exists():
            replace_text(path, "".join(_lines_until(path, step)))
        self._file = path.open("a")
        self._events = SummaryWriter(str(workdir / "events"), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One line; `values` holds at least "loss"."""
        if not self._open:
            return
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._events.add_scalar(name, value, step)

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            self._file.close()
            self._events.close()


def _lines_until(path: Path, step: int) -> list[str]:
    """The whole lines of the steps up to `step`; a killed run may have left half a line."""
    kept = []
    for line in path.read_text().splitlines(keepends=True):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if json.loads(line)["step"] <= step and line.endswith("\n"):
                kept.append(line)
    return kept
