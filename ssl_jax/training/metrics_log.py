"""The metrics of a run, written as they are measured: metrics.jsonl and TensorBoard events."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from ssl_jax.storage.atomic import replace_text


class MetricsLog:
    """Writes one JSON object per line, flushed at once, and the same scalars as TensorBoard events.

    A run that resumes at `step` drops what an earlier session logged for later steps, because those
    steps are trained again.

    Args:
      workdir: folder of the run; None, in all processes except the first, writes nothing.
      step: number of steps already trained.
    """

    def __init__(self, workdir: Path | None, step: int = 0):
        self._open = workdir is not None
        if workdir is None:
            return
        path = workdir / "metrics.jsonl"
        if path.exists():
            replace_text(path, "".join(_lines_until(path, step)))
        self._file = path.open("a")
        self._events = SummaryWriter(str(workdir / "events"), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Logs the metrics after `step` steps; `values` contains at least "loss"."""
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
    """The complete lines for steps up to `step`; a killed run may have left an incomplete one."""
    kept = []
    for line in path.read_text().splitlines(keepends=True):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if json.loads(line)["step"] <= step and line.endswith("\n"):
                kept.append(line)
    return kept
