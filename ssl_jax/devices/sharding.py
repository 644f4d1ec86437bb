"""Where arrays are placed: every mesh and every sharding of the program.

Models, losses and the train step are written for a single device and the global batch; under `jit`
the compiler adds the communication. The train state is replicated, the batch is split.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ssl_jax.errors import Problem, refuse


class Shardings(NamedTuple):
    """A mesh, and the ways in which arrays are distributed over it.

    mesh: the devices.
    replicated: a full copy on every device.
    batch: split along the first axis.
    steps: split along the second axis, where the first is an axis of steps.
    """

    mesh: Mesh
    replicated: NamedSharding
    batch: NamedSharding
    steps: NamedSharding


def make(batch_size: int, devices: Sequence[Any] | None = None) -> Shardings:
    """Makes shardings over `devices` (default: all).

    Raises:
      UserError: if `batch_size` is not a multiple of the number of devices.
    """
    devices = jax.devices() if devices is None else devices
    refuse(batch_problems(batch_size, len(devices)))
    # The default, Explicit, refuses `q @ k.T` for two arrays that are split along the batch.
    mesh = Mesh(np.asarray(devices), ("data",), axis_types=(AxisType.Auto,))
    return Shardings(
        mesh=mesh,
        replicated=NamedSharding(mesh, PartitionSpec()),
        batch=NamedSharding(mesh, PartitionSpec("data")),
        steps=NamedSharding(mesh, PartitionSpec(None, "data")),
    )


def batch_problems(batch_size: int, devices: int) -> Iterator[Problem]:
    """Yields a problem if the devices cannot share the batch evenly."""
    if batch_size % devices:
        what = f"must be a multiple of {devices}, the number of devices, which share it evenly"
        nearest = max(batch_size // devices, 1) * devices
        yield Problem("batch_size", batch_size, what, f"set it to {nearest}")


def shared_batch(batch_size: int, devices: int) -> int:
    """The batch size, rounded up to a multiple of the number of devices.

    >>> shared_batch(10, devices=8)
    16
    """
    return -(-batch_size // devices) * devices


def put(tree: Any, sharding: NamedSharding) -> Any:
    """Copies host arrays to the devices.

    Args:
      tree: arrays of this process: its own rows, or all rows if `sharding` is replicated.
      sharding: of the resulting global arrays.
    """
    return jax.tree.map(
        lambda array: jax.make_array_from_process_local_data(sharding, np.asarray(array)), tree
    )
