"""Where arrays live: every mesh and every sharding of the program.

Models, losses and the train step are written for one device and the global batch; under `jit`
the compiler adds the communication. The train state is replicated, the batch is split.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ssl_jax.errors import Problem, refuse


class Shardings(NamedTuple):
    """One mesh and the ways in which arrays lie on it.

    replicated: whole on every device. batch: split on the first axis. steps: split on the second,
    behind an axis of steps.
    """

    mesh: Mesh
    replicated: NamedSharding
    batch: NamedSharding
    steps: NamedSharding


def make(batch_size: int, devices: Sequence[Any] | None = None) -> Shardings:
    """Shardings over `devices` (default: all).

    Raises:
      UserError: if they do not divide `batch_size` evenly.
    """
    devices = jax.devices() if devices is None else devices
    refuse(batch_problems(batch_size, len(devices)))
    # Auto: the default, Explicit, refuses `q @ k.T` of two arrays that are split over the batch.
    mesh = Mesh(np.asarray(devices), ("data",), axis_types=(AxisType.Auto,))
    return Shardings(
        mesh=mesh,
        replicated=NamedSharding(mesh, PartitionSpec()),
        batch=NamedSharding(mesh, PartitionSpec("data")),
        steps=NamedSharding(mesh, PartitionSpec(None, "data")),
    )


def batch_problems(batch_size: int, devices: int) -> Iterator[Problem]:
    """A batch that the devices cannot share evenly."""
    if batch_size % devices:
        what = f"must be a multiple of the {devices} devices, each of which takes as many images"
        nearest = max(batch_size // devices, 1) * devices
        yield Problem("batch_size", batch_size, what, f"set it to {nearest}")


def shared_batch(batch_size: int, devices: int) -> int:
    """The batch size, rounded up to what so many devices share evenly."""
    return -(-batch_size // devices) * devices


def put(tree: Any, sharding: NamedSharding) -> Any:
    """Host arrays onto the devices; each process gives its own rows, or all where replicated."""
    return jax.tree.map(
        lambda array: jax.make_array_from_process_local_data(sharding, np.asarray(array)), tree
    )
