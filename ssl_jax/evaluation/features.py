"""Frozen features of labelled images: on the hosts, and block by block on the devices.

Features of ImageNet take 10 GB in float32. Each process keeps those of its own images in the memory
of its host, once; whatever computes with them has them sent to the devices in blocks.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Float64, Int

from ssl_jax.devices.processes import add_up, from_all
from ssl_jax.devices.sharding import put
from ssl_jax.evaluation.shares import Shares, share
from ssl_jax.health.representation import unit
from ssl_jax.losses import normalize

ROWS_AT_A_TIME = 4096  # bounds float64 copies on the host


class Standard(NamedTuple):
    """(x - mean) * gain, each [1, d]."""

    mean: Float32[np.ndarray, "1 d"]
    gain: Float32[np.ndarray, "1 d"]


class Unit(NamedTuple):
    """x / |x|."""


class Block(NamedTuple):
    """Features on the devices, split between them.

    features: float32 [..., b, d].
    numbers: which image each row belongs to, [..., b]; -1 for a row that does not count.
    """

    features: Float[Array, "*tiles b d"]
    numbers: Int[Array, "*tiles b"]


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """Features [N, d] of images; `np.asarray` makes an array of them, on every process.

    own: those that this process holds, float32 or bfloat16.
    shares: which rows these are, and the devices.
    rows: the rows that count, of all that `shares` divides, in that order; None for all of them.
    standard: what is applied to each before it is used; None for nothing.
    """

    own: Float[np.ndarray, "m d"]
    shares: Shares
    rows: Int[np.ndarray, " n"] | None = None
    standard: Standard | Unit | None = None

    def __len__(self) -> int:
        return self.shares.size if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d)."""
        return len(self), self.own.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """In which they are used: float32."""
        return np.dtype(np.float32)

    def select(self, rows: Int[np.ndarray, " m"]) -> "Features":
        """The features at `rows`, in that order; none is copied."""
        return dataclasses.replace(self, rows=rows if self.rows is None else self.rows[rows])

    def standardized(self, standard: Standard | Unit) -> "Features":
        """These features with `standard` applied whenever they are used; none is copied."""
        return dataclasses.replace(self, standard=standard)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if jax.process_count() == 1:
            whole = self.own if self.rows is None else self.own[self.rows]
        else:
            most = self.shares.longest
            process, position = self.shares.holders()
            rows = slice(None) if self.rows is None else self.rows
            whole = from_all(padded(self.own, most))[process[rows], position[rows]]
        whole = _applied(whole, self.standard)
        return np.array(whole, dtype, copy=True) if copy else np.asarray(whole, dtype)

    def blocks(self) -> Iterator[Block]:
        """The features on the devices block by block, in the order in which they are kept."""
        numbers = self.numbers()
        mine, segment = numbers[self.shares.own()], self.shares.segment
        for index, start in enumerate(range(0, self.shares.size, self.shares.block)):
            if (numbers[start : start + self.shares.block] < 0).all():
                continue
            rows = slice(index * segment, (index + 1) * segment)
            yield self._put(self.own[rows], mine[rows], (segment,))

    def tiles(self, rows: int, *, most: int) -> Iterator[Block]:
        """The features on the devices in stacks of tiles, in no particular order.

        Args:
          rows: of a tile on each device; fewer where there are few images.
          most: rows of a stack at most, over all devices.
        """
        devices, processes = self.shares.shardings.mesh.size, jax.process_count()
        numbers = self.numbers()
        counts = [(numbers[self.shares.own(p)] >= 0).sum() for p in range(processes)]
        count = int(max(counts))
        rows = min(rows, -(-count * processes // devices))
        tile = rows * devices // processes  # rows of a tile that this process provides
        tiles = -(-count // tile)
        stacks = -(-tiles * tile * processes // most)
        tiles = -(-tiles // stacks)
        mine = numbers[self.shares.own()]
        chosen = np.flatnonzero(mine >= 0)
        for stack in range(stacks):
            now = chosen[stack * tiles * tile : (stack + 1) * tiles * tile]
            whole = len(now) and len(now) == now[-1] - now[0] + 1
            own = self.own[now[0] : now[-1] + 1] if whole else self.own[now]
            yield self._put(own, mine[now], (tiles, tile))

    def moments(self) -> tuple[Float64[np.ndarray, "1 d"], Float64[np.ndarray, "1 d"]]:
        """(mean, standard deviation) over the images, in float64."""
        mean = self.sum() / len(self)
        variance = self.sum(lambda rows: (rows - mean) ** 2) / len(self)
        return mean, np.sqrt(variance)

    def finite(self) -> bool:
        """Whether all features are finite."""
        parts = range(0, len(self.own), ROWS_AT_A_TIME)
        bad = not all(
            np.isfinite(self.own[i : i + ROWS_AT_A_TIME].astype(np.float32)).all() for i in parts
        )
        return not add_up(np.array([bad], np.int64))[0]

    def numbers(self) -> Int[np.ndarray, " all"]:
        """Which image each row that is kept belongs to; -1 for a row that does not count."""
        if self.rows is None:
            return np.arange(self.shares.size, dtype=np.int32)
        numbers = np.full(self.shares.size, -1, np.int32)
        numbers[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        return numbers

    def _put(self, own: np.ndarray, numbers: np.ndarray, shape: tuple[int, ...]) -> Block:
        size, shardings = int(np.prod(shape)), self.shares.shardings
        sharding = shardings.batch if len(shape) == 1 else shardings.steps
        features = put(padded(own, size).reshape(*shape, own.shape[1]), sharding)
        numbers = np.pad(numbers, (0, size - len(numbers)), constant_values=-1)
        if self.standard is not None or self.own.dtype != np.float32:
            features = _apply(features, self.standard)
        return Block(features, put(numbers.reshape(shape), sharding))

    def sum(
        self, of: Callable[[np.ndarray], np.ndarray] = lambda rows: rows
    ) -> Float64[np.ndarray, "1 d"]:
        """Sum over the images of `of`, which gets rows in float64."""
        chosen = np.flatnonzero(self.numbers()[self.shares.own()] >= 0)
        total = np.zeros((1, self.own.shape[1]))
        for start in range(0, len(chosen), ROWS_AT_A_TIME):
            rows = self.own[chosen[start : start + ROWS_AT_A_TIME]]
            rows = _applied(rows, self.standard).astype(np.float64)
            total += of(rows).sum(axis=0, keepdims=True)
        return add_up(total)


class Labelled(NamedTuple):
    """Images as a classifier sees them.

    features: [N, d]; with several processes an array holds all of them on each.
    labels: class indices [N], on every process.
    """

    features: Features | Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]


def as_features(features: Features | Float[np.ndarray, "n d"]) -> Features:
    """An array as `Features` on the first device, or on all where there are several processes."""
    if isinstance(features, Features):
        return features
    shares = share(len(features))
    own = features if jax.process_count() == 1 else features[shares.own()]
    return Features(np.asarray(own, np.float32), shares)


def join(first: Labelled, second: Labelled) -> Labelled:
    """The images of `first`, then those of `second`.

    Copies features, unless both are selected from the same.
    """
    labels = np.concatenate([first.labels, second.labels])
    a: Any = first.features
    b: Any = second.features
    if _same(a, b):
        every: Any = np.arange(a.shares.size)
        parts = [every if part.rows is None else part.rows for part in (a, b)]
        return Labelled(dataclasses.replace(a, rows=np.concatenate(parts)), labels)
    return Labelled(np.concatenate([np.asarray(a), np.asarray(b)]), labels)


def _same(a: Any, b: Any) -> bool:
    both = isinstance(a, Features) and isinstance(b, Features)
    return both and a.own is b.own and a.standard is b.standard


def select(images: Labelled, rows: Int[np.ndarray, " m"]) -> Labelled:
    """The images at `rows`, in that order."""
    features, labels = images
    chosen = features.select(rows) if isinstance(features, Features) else features[rows]
    return Labelled(chosen, labels[rows])


def _applied(rows: np.ndarray, standard: Standard | Unit | None) -> np.ndarray:
    rows = np.asarray(rows, np.float32)
    if isinstance(standard, Unit):
        return unit(rows).astype(np.float32)
    return rows if standard is None else (rows - standard.mean) * standard.gain


def standardized_rows(rows: Float[Array, "*n d"], standard: Standard | Unit | None) -> Array:
    """Rows on the devices in float32, with `standard` applied if there is one."""
    rows = rows.astype(jnp.float32)
    if standard is None:
        return rows
    if isinstance(standard, Unit):
        return normalize(rows)
    shape = (1,) * (rows.ndim - 1) + (-1,)
    return (rows - standard.mean.reshape(shape)) * standard.gain.reshape(shape)


_apply = jax.jit(standardized_rows)


def padded(rows: np.ndarray, size: int) -> np.ndarray:
    """Rows, followed by as many zeros as make `size` of them."""
    if len(rows) == size:
        return rows
    return np.pad(rows, [(0, size - len(rows)), (0, 0)])
