"""OUTPUT.part: the finished rows of an output on disk, from which a killed command resumes."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from ssl_jax.embedding.stream import FeatureRows
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic
from ssl_jax.storage.differences import differences

ROWS_AT_A_TIME = 1024


class Part:
    """A folder beside the output with one row per finished file.

    about.json records the origin of the rows, `readable` has one byte per row, and `features` is
    float32 [rows, d]. `features` is written after `readable`, so its size gives the number of
    finished rows.

    done: number of finished rows.
    differences: names of the origins that differ from those of an earlier command, whose rows were
      therefore dropped.
    """

    def __init__(self, output: Path, origin: dict[str, str], *, width: int, multiple: int):
        """Opens the folder, or creates it.

        Args:
          output: the file that will be written in the end.
          origin: digests of what the rows are computed from, by name; rows with another origin
            are dropped.
          width: number of features d in a row.
          multiple: the number of rows kept is rounded down to a multiple of this.

        Raises:
          UserError: if the output cannot be written.
        """
        self._output, self._width = output, width
        self._folder = output.with_name(output.name + ".part")
        if output.is_dir():
            raise UserError(f"--output={output} is a folder; it must be a file")
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            former = atomic.read_object(self._folder / "about.json")
            self.differences = [] if former is None else differences(former, origin)
            if former != origin:
                self._clear()
                atomic.write_json(self._folder / "about.json", origin)
            for name in ("readable", "features"):
                (self._folder / name).touch()
            # A batch cut short by a kill lies behind these rows and is overwritten.
            rows = (self._folder / "features").stat().st_size // (4 * width)
            self.done = rows // multiple * multiple

    def add(self, rows: FeatureRows) -> None:
        """Appends the next rows.

        Raises:
          UserError: if they cannot be written.
        """
        with self._writing():
            self._write("readable", rows.readable, self.done)
            self._write("features", rows.features, self.done * 4 * self._width)
        self.done += len(rows.readable)

    def readable(self) -> Bool[np.ndarray, " n"]:
        """Whether each of the finished files could be read."""
        return np.fromfile(self._folder / "readable", bool, self.done)

    def features(self) -> Iterator[Float32[np.ndarray, "_n d"]]:
        """Features of the readable files, in their order, in blocks of rows."""
        readable = self.readable()
        with open(self._folder / "features", "rb") as file:
            for start in range(0, len(readable), ROWS_AT_A_TIME):
                kept = readable[start : start + ROWS_AT_A_TIME]
                rows = np.fromfile(file, np.float32, len(kept) * self._width)
                yield rows.reshape(-1, self._width)[kept]

    def finish(self, write: Callable[[Path], None]) -> None:
        """Replaces the output with a file that `write` has written, and removes the folder.

        Raises:
          UserError: if that fails; the rows are kept.
        """
        with self._writing():
            whole = self._folder / "whole"
            try:
                write(whole)
                atomic.synchronize(whole)
                os.replace(whole, self._output)
            except BaseException:
                whole.unlink(missing_ok=True)
                raise
            self.remove()

    def remove(self) -> None:
        """Removes the files of this class, and the folder if it is then empty."""
        self._clear()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _write(self, name: str, array: np.ndarray, offset: int) -> None:
        with open(self._folder / name, "r+b") as file:
            file.seek(offset)
            file.write(array.data)

    def _clear(self) -> None:
        for name in ("about.json", "readable", "features", "whole"):
            (self._folder / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with atomic.writing(f"--output={self._output}"):
            yield
