"""Which images each process reads and whose features it keeps."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from ssl_jax.devices.sharding import Shardings, make, shared_batch

# Rows of a block at most: with 2,048 features in float32 it takes 64 MiB.
BLOCK_ROWS = 8192


class Shares(NamedTuple):
    """Rows of an array of features, divided between processes.

    Consecutive rows form a block, which the devices share evenly; a process holds the rows of its
    devices in every block. So all processes go through a set block by block, in its order.

    size: number of rows in all.
    block: rows of a block, a multiple of the number of devices.
    shardings: the devices.
    """

    size: int
    block: int
    shardings: Shardings

    @property
    def segment(self) -> int:
        """Rows of a block that one process holds."""
        return self.block // jax.process_count()

    @property
    def longest(self) -> int:
        """The largest number of rows that a process holds: that of the first."""
        return len(self.own(0))

    def own(self, process: int | None = None) -> Int[np.ndarray, " m"]:
        """The rows of a process, by default of this one, in ascending order."""
        process = jax.process_index() if process is None else process
        rows = np.arange(self.size)
        return rows[rows % self.block // self.segment == process]

    def holders(self) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """For every row (the process that holds it, its position among the rows of the process)."""
        blocks, inside = np.divmod(np.arange(self.size), self.block)
        process, rest = np.divmod(inside, self.segment)
        return process, blocks * self.segment + rest


def share(size: int, shardings: Shardings | None = None) -> Shares:
    """Divides rows between the processes.

    Args:
      size: number of rows.
      shardings: the devices; by default the first one, or all where there are several processes.
    """
    if shardings is None:
        devices = jax.devices() if jax.process_count() > 1 else jax.devices()[:1]
        shardings = make(len(devices), devices)
    devices = shardings.mesh.size
    return Shares(size, shared_batch(max(1, min(size, BLOCK_ROWS)), devices), shardings)
