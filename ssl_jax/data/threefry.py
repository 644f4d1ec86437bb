"""The random numbers of `jax.random`, on the host: NumPy only, for processes without jax.

J. K. Salmon et al.: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011 (Threefry-2x32, 20
rounds). A key is two words, as `jax.random.key_data` gives it; jax derives all other keys and
numbers from a key by counters (`jax_threefry_partitionable`, its default).
"""

from typing import Any

import numpy as np
from jaxtyping import Float32, Int, UInt32

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def fold_in(
    keys: UInt32[np.ndarray, "*n 2"], data: int | Int[np.ndarray, "*m"]
) -> UInt32[np.ndarray, "*k 2"]:
    """`jax.random.fold_in` of keys and numbers that broadcast against each other.

    The i-th key of `jax.random.split(key, n)` is `fold_in(key, i)` as well.
    """
    return np.stack(_threefry(keys, np.asarray(data).astype(np.uint32)), axis=-1)


def uniform(keys: UInt32[np.ndarray, "*n 2"], count: int) -> Float32[np.ndarray, "*n count"]:
    """`jax.random.uniform(key, (count,))` of each key, in [0, 1)."""
    first, second = _threefry(keys[..., None, :], np.arange(count, dtype=np.uint32))
    one_to_two = (first ^ second) >> np.uint32(9) | np.uint32(0x3F800000)
    return one_to_two.view(np.float32) - np.float32(1)


@np.errstate(over="ignore")  # words wrap around, and NumPy warns of single ones that do
def _threefry(
    keys: UInt32[np.ndarray, "*n 2"], counter: UInt32[np.ndarray, "*m"]
) -> tuple[Any, Any]:
    """Encrypts the counters (0, counter) by the keys: the words of the result."""
    first, second = keys[..., 0], keys[..., 1]
    schedule = (first, second, first ^ second ^ _PARITY)
    x, y = np.broadcast_arrays(first, counter + second)
    x, y = x.copy(), y.copy()
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x += y
            y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
            y ^= x
        x += schedule[(group + 1) % 3]
        y += schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x, y
