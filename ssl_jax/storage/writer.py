"""Writes the checkpoints of a run in the background."""

import contextlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax

from ssl_jax.errors import UserError
from ssl_jax.storage import folders, integrity, orbax_files


class Writer:
    """Writes checkpoints, one at a time; a step's folder gets its name once all of it is written.

    With several processes, all of them must make the same calls; the first one names and deletes.

    Args:
      directory: gets one folder per step.
      committed: called with a step in the background, once it has its folder, in the first process.
    """

    def __init__(self, directory: Path, committed: Callable[[int], None]):
        self._directory, self._committed = directory, committed
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._saving: Future[None] | None = None

    def start(self, step: int, document: dict[str, Any], arrays: dict[str, jax.Array]) -> None:
        """Starts a save and returns; the arrays may then be donated.

        Raises:
          UserError: if it cannot even be started.
        """
        saving = self._directory / f"{step}{folders.SAVING}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            finish = orbax_files.start_save(saving, document, arrays)
        except Exception as error:  # TensorStore and Orbax raise many types
            raise self._failed(saving, error) from error
        self._saving = self._pool.submit(self._finish, finish, saving, step)

    def wait(self) -> None:
        """Blocks until the last save is on disk; raises UserError if it failed."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def close(self) -> None:
        """Ends the thread of this class."""
        self._pool.shutdown()

    def _finish(self, finish: Callable[[], None], saving: Path, step: int) -> None:
        try:
            finish()
            if jax.process_index() == 0:
                integrity.write_file_digests(saving)
                self._commit(saving, step)
                self._committed(step)
        except UserError:
            raise
        except Exception as error:  # TensorStore and Orbax raise many types
            raise self._failed(saving, error) from error

    def _commit(self, saving: Path, step: int) -> None:
        final = self._directory / str(step)
        if final.exists():  # another checkpoint under this name, or nothing that could be read
            folders.set_aside(final, folders.ASIDE)
        os.rename(saving, final)

    def _failed(self, saving: Path, error: Exception) -> UserError:
        if jax.process_index() == 0:
            for left in self._directory.glob(f"{saving.name}*"):
                with contextlib.suppress(OSError):
                    shutil.rmtree(left)
        cause = integrity.first_cause(error)
        return UserError(f"no checkpoint could be written to {self._directory}: {cause}")
