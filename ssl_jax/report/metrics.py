"""The figures of a run as they come: metrics.jsonl and TensorBoard events."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tensorboardX import SummaryWriter


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
        kept = [line for line in _lines(path) if json.loads(line)["step"] <= step]
        path.write_text("".join(line + "\n" for line in kept))
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._open:
            self._file.close()
            self._events.close()


def _lines(path: Path) -> list[str]:
    """The whole lines of a file; a killed run may have left half a line at the end."""
    if not path.exists():
        return []
    return [line[:-1] for line in path.read_text().splitlines(keepends=True) if line[-1:] == "\n"]
