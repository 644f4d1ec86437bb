"""Files in the user's cache folder: what is only there to save time, and can be had again."""

import contextlib
import os
from pathlib import Path

from ssl_jax.errors import UserError
from ssl_jax.storage import atomic


def folder(name: str) -> Path:
    """~/.cache/ssl_jax/NAME, or the same below XDG_CACHE_HOME; it need not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "ssl_jax", name)


def keep(path: Path, content: bytes) -> None:
    """Writes a file of such a folder, whole or not at all; does nothing where it cannot."""
    with contextlib.suppress(OSError, UserError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(path) as part:
            part.write_bytes(content)
