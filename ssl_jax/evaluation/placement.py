"""All features on the devices, each of which holds a part, for what reads them again and again."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ssl_jax.evaluation.features import Features, padded
from ssl_jax.evaluation.shares import Shares


class Placed(NamedTuple):
    """All features on the devices; see `rows_of`.

    features: [rows, d], in the dtype in which they are kept.
    positions: the row of every image, int32 [N].
    """

    features: Float[Array, "rows d"]
    positions: Int[np.ndarray, " n"]


def place(features: Features) -> Placed:
    """Puts all features on the devices, those of each process on its own."""
    numbers, shares, processes = features.numbers(), features.shares, jax.process_count()
    # A copy without the others would cost more than they do, unless they are many.
    most = 2 * len(features) > shares.size
    counted = np.ones(shares.size, bool) if most else numbers >= 0
    kept = [own[counted[own]] for own in map(shares.own, range(processes))]
    devices = [d for d in shares.shardings.mesh.devices.flat if d in set(jax.local_devices())]
    rows = -(-max(map(len, kept)) // len(devices))
    positions = np.zeros(len(features), np.int32)
    for process, own in enumerate(kept):
        place = process * rows * len(devices) + np.arange(len(own))
        positions[numbers[own][numbers[own] >= 0]] = place[numbers[own] >= 0]
    mine = features.own if counted.all() else features.own[counted[shares.own()]]
    parts = [
        jax.device_put(padded(mine[i * rows : (i + 1) * rows], rows), device)
        for i, device in enumerate(devices)
    ]
    shape = (rows * len(devices) * processes, features.own.shape[1])
    sharding = shares.shardings.batch
    array = jax.make_array_from_single_device_arrays(shape, sharding, parts)
    return Placed(array, positions)


def rows_of(
    features: Float[Array, "rows d"], positions: Int[Array, " b"], shares: Shares
) -> Float[Array, "b d"]:
    """Rows of `Placed.features`, in float32, on every device.

    Each device looks up what it holds and the rest are zeros, so their sum is exact.
    """
    mesh = shares.shardings.mesh
    if mesh.size == 1:
        return features[positions].astype(jnp.float32)
    replicated, batch = shares.shardings.replicated.spec, shares.shardings.batch.spec

    def held(part: Array, positions: Array) -> Array:
        inside = positions - jax.lax.axis_index("data") * len(part)
        rows = part[jnp.clip(inside, 0, len(part) - 1)].astype(jnp.float32)
        here = (inside >= 0) & (inside < len(part))
        return jax.lax.psum(jnp.where(here[:, None], rows, 0), "data")

    return jax.shard_map(held, mesh=mesh, in_specs=(batch, replicated), out_specs=replicated)(
        features, positions
    )
