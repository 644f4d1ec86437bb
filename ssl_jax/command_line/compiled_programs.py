"""Compiled programs are kept between commands, in JAX's persistent compilation cache.

    ~/.cache/ssl_jax/compiled/<processor>   below XDG_CACHE_HOME where that is set

A second seed, a resumed run and an evaluation then compile nothing that was compiled before, with
the same numbers. JAX_COMPILATION_CACHE_DIR names another folder, and --no_cache keeps nothing.
"""

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from ssl_jax.storage import user_cache

FLAG = "--no_cache"
FOLDER = "JAX_COMPILATION_CACHE_DIR"
# Programs that take less to compile are hardly read faster than compiled.
LEAST_SECONDS = 0.1
# A program that was compiled so long ago is compiled again.
MOST_DAYS = 60


def keep_compiled(argv: Sequence[str]) -> list[str]:
    """Sets the variables that JAX reads as it is imported; returns the arguments without FLAG."""
    rest = [argument for argument in argv if argument not in (FLAG, FLAG[1:])]
    if len(rest) < len(argv):
        os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    elif FOLDER not in os.environ:
        folder = cache_folder()
        with contextlib.suppress(OSError):  # do without
            folder.mkdir(parents=True, exist_ok=True)
            _drop_old(folder)
            if os.access(folder, os.W_OK):
                os.environ[FOLDER] = str(folder)
                os.environ.setdefault(
                    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(LEAST_SECONDS)
                )
                os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    return rest


def cache_folder() -> Path:
    """Where programs are kept for this kind of processor.

    A home folder may be shared by machines with other processors, on which a program compiled here
    would not run.
    """
    return user_cache.folder("compiled") / _processor()


def _processor() -> str:
    """The architecture, and a hash of the processor's features where Linux tells them."""
    features = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()}-{hashlib.sha256(features.encode()).hexdigest()[:8]}"


def _drop_old(folder: Path) -> None:
    for path in folder.iterdir():
        if path.stat().st_mtime < time.time() - MOST_DAYS * 86400:
            path.unlink(missing_ok=True)
