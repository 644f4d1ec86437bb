"""OUTPUT.part: what is done of an output, on disk, so that a killed command goes on from there."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from ssl_jax.embedding.stream import Rows
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic
from ssl_jax.storage.differences import differences

ROWS_AT_A_TIME = 1024


class Part:
    """A folder beside the output with one row for every file that is done.

    about.json says what of, `readable` holds a byte a row and `features` float32 [rows, d]; it
    is written after `readable` and its size says how many rows are done.
    """

    def __init__(self, output: Path, about: dict[str, str], *, width: int, multiple: int):
        """Opens the folder, or makes it.

        Args:
          output: the file that will be written in the end.
          about: what the rows are of, by what it is; rows of anything else are dropped.
          width: d, of a row.
          multiple: of how many rows the number of rows kept must be a multiple.

        Raises:
          UserError: if the output cannot be written.
        """
        self._output, self._width = output, width
        self._folder = output.with_name(output.name + ".part")
        if output.is_dir():
            raise UserError(f"--output={output} is a folder; it must be a file")
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            found = atomic.read_json(self._folder / "about.json")
            self.differences = [] if found is None else differences(found, about)
            if found != about:
                self._clear()
                atomic.write_json(self._folder / "about.json", about)
            for name in ("readable", "features"):
                (self._folder / name).touch()
            # What a kill left of a batch lies behind these rows, and is written over.
            rows = (self._folder / "features").stat().st_size // (4 * width)
            self.done = rows // multiple * multiple

    def add(self, rows: Rows) -> None:
        """Appends the next rows.

        Raises:
          UserError: where the disk does not take them.
        """
        with self._writing():
            self._write("readable", rows.readable, self.done)
            self._write("features", rows.features, self.done * 4 * self._width)
        self.done += len(rows.readable)

    def readable(self) -> Bool[np.ndarray, " n"]:
        """Which of the files that are done could be read."""
        return np.fromfile(self._folder / "readable", bool, self.done)

    def features(self) -> Iterator[Float32[np.ndarray, "_n d"]]:
        """The features of the files that could be read, in their order, some rows at a time."""
        readable = self.readable()
        with open(self._folder / "features", "rb") as file:
            for start in range(0, len(readable), ROWS_AT_A_TIME):
                kept = readable[start : start + ROWS_AT_A_TIME]
                rows = np.fromfile(file, np.float32, len(kept) * self._width)
                yield rows.reshape(-1, self._width)[kept]

    def finish(self, write: Callable[[Path], None]) -> None:
        """Puts the file that `write` writes in the place of the output and removes the folder.

        Raises:
          UserError: where that fails; the rows are kept.
        """
        with self._writing():
            whole = self._folder / "whole"
            write(whole)
            os.replace(whole, self._output)
            self.remove()

    def remove(self) -> None:
        """Removes the folder, but for files in it that are not its own."""
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
        try:
            yield
        except OSError as error:
            raise UserError(
                f"--output={self._output} cannot be written: {error.strerror or error}"
            ) from error
