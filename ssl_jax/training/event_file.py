"""TensorBoard events, written in the thread of the caller.

tensorboardX's own `SummaryWriter` writes in a thread: a full disk ends that thread with a
traceback, and the training then waits for it for ever.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.proto import event_pb2
from tensorboardX.record_writer import RecordWriter

from ssl_jax.storage.atomic import reason

FLUSHED_EVERY = 10.0  # seconds


class EventFile:
    """Writes scalars; at the first that cannot be written it says so, and writes no more.

    Args:
      folder: of the events; gets one file per session of the run.
      step: the first of this session; what an earlier one wrote from there on is hidden.
      report: gets the line.
    """

    def __init__(self, folder: Path, step: int, report: Callable[[str], None]):
        self._folder, self._report = folder, report
        self._file: RecordWriter | None = None
        self._flushed = time.monotonic()
        try:
            folder.mkdir(exist_ok=True)
            now, where = time.time_ns() // 1000, socket.gethostname()
            # TensorBoard reads files in the order of their names.
            name = f"events.out.tfevents.{now}.{where}.{os.getpid()}"
            self._file = RecordWriter(str(folder / name))
            self._add(file_version="brain.Event:2")
            self._add(step=step, session_log={"status": "START"})
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Writes scalars by name."""
        if self._file is None:
            return
        try:
            for name, value in values.items():
                self._add(step=step, summary=summary.scalar(name, value))
            if time.monotonic() - self._flushed > FLUSHED_EVERY:  # which waits for the disk
                self._file.flush()
                self._flushed = time.monotonic()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._give_up(error)

    def _add(self, **content: Any) -> None:
        assert self._file is not None
        # protobuf makes its classes when it is imported.
        event = vars(event_pb2)["Event"](wall_time=time.time(), **content)
        self._file.write(event.SerializeToString())

    def _give_up(self, error: OSError) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None
        self._report(f"no more TensorBoard events: {self._folder}: {reason(error)}")
