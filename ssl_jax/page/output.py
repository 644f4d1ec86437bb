"""The file of a page."""

import contextlib
import os
from pathlib import Path

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic


def check_output(output: Path) -> None:
    """Refuses a file that cannot be written, before the minutes of work and not after them."""
    if output.is_dir():
        raise UserError(f"--output={output} is a folder, not a file")
    if not output.parent.is_dir():
        raise UserError(f"--output={output}: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise UserError(f"--output={output}: {output.parent} cannot be written to")


def write_page(output: Path, page: str) -> None:
    """Writes a page whole or not at all.

    Raises:
      UserError: if it cannot be written.
    """
    try:
        atomic.replace_text(output, page)
    except OSError as error:
        with contextlib.suppress(OSError):
            output.with_name(output.name + ".part").unlink()
        raise UserError(f"--output={output} cannot be written: {error.strerror}") from None
