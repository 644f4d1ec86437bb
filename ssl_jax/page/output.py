"""The file that a page is written to."""

import os
from pathlib import Path

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic


def check_output(output: Path) -> None:
    """Checks that the file can be written, before minutes of work rather than after them.

    Raises:
      UserError: if it cannot.
    """
    if output.is_dir():
        raise UserError(f"--output={output} is a folder, not a file")
    if not output.parent.is_dir():
        raise UserError(f"--output={output}: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise UserError(f"--output={output}: {output.parent} is not writable")


def write_page(output: Path, page: str) -> None:
    """Writes the page completely or not at all.

    Raises:
      UserError: if it cannot be written.
    """
    with atomic.replacing(output, f"--output={output}") as part:
        part.write_text(page, encoding="utf-8")
