"""Records of a TFRecord file at random positions, found by reading the lengths before them once.

A record is its length (8 bytes), a checksum of that (4), its content, and a checksum of that (4);
https://www.tensorflow.org/tutorials/load_data/tfrecord.
"""

import bisect
import itertools
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Int

from ssl_jax.errors import UserError

BEFORE, AFTER = 12, 4


class TfRecords:
    """The records of several files, one after the other; picklable.

    Args:
      files: their paths.
      counts: how many records each of them must have.

    Raises:
      UserError: if a file cannot be read, or has another number of records.
    """

    def __init__(self, files: Sequence[str], counts: Sequence[int]):
        with ThreadPoolExecutor() as pool:
            self._starts = list(pool.map(_starts, files))
        for file, count, starts in zip(files, counts, self._starts, strict=True):
            if len(starts) != count + 1:
                raise UserError(f"{file} has {len(starts) - 1:,} records, not {count:,}")
        self._files = list(files)
        self._ends = list(itertools.accumulate(counts))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> bytes:
        which = bisect.bisect_right(self._ends, index)
        starts = self._starts[which]
        row = index - (self._ends[which - 1] if which else 0)
        start, stop = int(starts[row]) + BEFORE, int(starts[row + 1]) - AFTER
        with open(self._files[which], "rb", buffering=0) as file:
            return os.pread(file.fileno(), stop - start, start)

    def __getitems__(self, indices: Sequence[int]) -> list[bytes]:
        return [self[index] for index in indices]


def _starts(path: str) -> Int[np.ndarray, " ends"]:
    """Where each record of a file begins, and where the last one ends."""
    starts = [0]
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            while (start := starts[-1]) < size:
                length = os.pread(file.fileno(), 8, start)
                stop = start + BEFORE + AFTER
                if len(length) == 8:
                    stop += struct.unpack("<Q", length)[0]
                if len(length) < 8 or stop > size:
                    raise UserError(f"{path} is truncated or damaged at byte {start:,}")
                starts.append(stop)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    return np.array(starts, np.int64)
