"""Output that a command can do without: who reads it may go away, and a disk may be full."""

import contextlib
import io
import select
import sys
from collections.abc import Iterator
from typing import Any


class _Expendable(io.FileIO):
    """Accepts everything that is written, whether or not the descriptor does.

    lost: what was written last and could not be passed on.
    """

    lost = b""

    def write(self, data: Any) -> int:
        try:
            while (written := super().write(data)) is None:  # a non-blocking pipe is full
                select.select([], [self], [])
            return written
        except OSError:
            self.lost = bytes(data)
            return len(data)


@contextlib.contextmanager
def expendable_output() -> Iterator[None]:
    """Goes on where standard output or standard error can no longer be written.

    For commands whose work is in files: `| head` does not end them, nor does `| tee`, which Ctrl-C
    ends before them. If something could not be printed, its last line is on standard error at the
    end. A line is passed on once it is complete, and what has no encoding is escaped.
    """
    old = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    raw: dict[str, _Expendable] = {}
    for name, stream in old.items():
        try:
            stream.flush()
            raw[name] = _Expendable(stream.fileno(), "wb", closefd=False)
        except (AttributeError, OSError, ValueError):  # a notebook's, captured by a test, closed
            continue
        new = io.TextIOWrapper(
            io.BufferedWriter(raw[name]),
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=True,
        )
        setattr(sys, name, new)
    try:
        yield
    finally:
        for name in raw:
            getattr(sys, name).flush()
        if "stdout" in raw and raw["stdout"].lost.strip():
            last = raw["stdout"].lost.decode(errors="replace").strip().splitlines()[-1]
            print(f"standard output is gone; its last line: {last}", file=sys.stderr)
        for name, stream in old.items():
            setattr(sys, name, stream)
