"""Labels that can only be had by reading every record: read once, then kept in the user's cache."""

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from ssl_jax.storage import user_cache

READ_AT_ONCE = 1000
SECONDS_BETWEEN_LINES = 5.0


def labels(
    files: Sequence[str], count: int, read: Callable[[range], Sequence[int]]
) -> Int32[np.ndarray, " count"]:
    """The labels of `count` records in `files`.

    Args:
      files: the shards; the labels are read again if one of them changes.
      count: number of records.
      read: labels of some records, by their positions.
    """
    cache = _cache_file(files)
    with contextlib.suppress(OSError, ValueError):  # none yet, or damaged
        found = np.load(cache, allow_pickle=False)
        if found.shape == (count,) and found.dtype == np.int32:
            return found
    found = np.empty(count, np.int32)
    began = printed = time.monotonic()
    for start in range(0, count, READ_AT_ONCE):
        rows = range(start, min(start + READ_AT_ONCE, count))
        found[rows.start : rows.stop] = read(rows)
        now = time.monotonic()
        if now - printed > SECONDS_BETWEEN_LINES:
            printed = now
            left = (now - began) / rows.stop * (count - rows.stop)
            print(f"reading labels, once: {rows.stop:,}/{count:,}, {left:,.0f} s left", flush=True)
    content = io.BytesIO()
    np.save(content, found)
    user_cache.keep(cache, content.getvalue())
    return found


def _cache_file(files: Sequence[str]) -> Path:
    digest = hashlib.sha256()
    for file in files:
        status = os.stat(file)
        text = f"{os.path.realpath(file)} {status.st_size} {status.st_mtime_ns}\n"
        digest.update(text.encode(errors="surrogateescape"))
    return user_cache.folder("labels") / f"{digest.hexdigest()}.npy"
