"""The nearest images of a bank, of any size: exact, block by block.

Queries stay on the devices, as many as half a GiB holds; the bank passes by in blocks, and the best
neighbours found so far are kept. Memory does not depend on the size of the bank.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jaxtyping import Array, Float, Int

from ssl_jax.devices.sharding import put
from ssl_jax.evaluation.features import Features
from ssl_jax.evaluation.shares import BLOCK_ROWS
from ssl_jax.losses import normalize

QUERIES_AT_A_TIME = 256  # on each device; bounds the similarities in memory: 256 x a block
QUERY_BYTES = 2**29  # of queries that go through a bank together


class Nearest(NamedTuple):
    """The nearest images of tiles of queries, the nearest first; among equals the earlier ones.

    similarities: to the queries, [t, b, k]; -inf where there are fewer than k images.
    labels: their classes, [t, b, k].
    numbers: which query each row is, [t, b]; -1 for a row that does not count.
    """

    similarities: Float[Array, "t b k"]
    labels: Int[Array, "t b k"]
    numbers: Int[Array, "t b"]


def search(
    bank: Features,
    labels: Int[np.ndarray, " n"],
    queries: Features,
    *,
    k: int,
    euclidean: bool = False,
    same: bool = False,
) -> Iterator[Nearest]:
    """The k nearest images of every query.

    Args:
      bank: the images to search.
      labels: their classes.
      queries: the images to search neighbours of.
      k: number of neighbours.
      euclidean: whether near means a small distance of the features as they are, and not a large
        cosine similarity. A similarity is then -|q - x|^2 / 2 plus a constant of the query.
      same: query number i is image number i of the bank, which does not count as its neighbour.

    Yields:
      The result for a part of the queries.
    """
    # Centred, because features near 0 keep the digits that distances depend on.
    centre = bank.moments()[0].astype(np.float32) if euclidean else None
    classes = put(np.asarray(labels, np.int32), bank.shares.shardings.replicated)
    whole = bank.shares.shardings.replicated if bank.shares.shardings.mesh.size > 1 else None
    width = queries.shape[1]
    for asked, numbers in queries.tiles(QUERIES_AT_A_TIME, most=QUERY_BYTES // (4 * width)):
        nearest = _none(numbers, k=k)
        asked, waiting = _prepared(asked, centre), nearest.labels
        for block in bank.blocks():
            # At most two blocks are on the devices: that in use and the next one.
            jax.block_until_ready(waiting)
            nearest = merge(nearest, asked, *block, classes, centre, same=same, whole=whole)
            waiting = nearest.similarities
        yield nearest


def search_bytes(queries: int, width: int, *, k: int, devices: int = 1) -> float:
    """Bytes that `search` needs on each device, for a bank of any size.

    Args:
      queries: number of queries.
      width: of the features.
      k: number of neighbours.
      devices: number of devices, which share the queries.
    """
    together = min(queries, QUERY_BYTES // (4 * width)) / devices
    tile = min(QUERIES_AT_A_TIME, together)
    neighbours = 2 * 8 * k * together  # before and after a block
    # Two blocks of the bank, one of them prepared, and what a tile has to do with it.
    return 4 * width * (together + 3 * BLOCK_ROWS) + neighbours + 3 * 4 * tile * (BLOCK_ROWS + k)


@functools.partial(jax.jit, static_argnames="k")
def _none(numbers: Int[Array, "t b"], *, k: int) -> Nearest:
    shape = (*numbers.shape, k)
    return Nearest(jnp.full(shape, -jnp.inf), jnp.full(shape, -1, jnp.int32), numbers)


def _prepare(features: Array, centre: Array | None) -> Array:
    if centre is None:
        return normalize(features)
    return features - centre.reshape((1,) * (features.ndim - 1) + (-1,))


_prepared = jax.jit(_prepare)


@functools.partial(jax.jit, static_argnames=("same", "whole"))
def merge(
    nearest: Nearest,
    queries: Float[Array, "t b d"],
    bank: Float[Array, "n d"],
    numbers: Int[Array, " n"],
    labels: Int[Array, " all"],
    centre: Float[Array, "1 d"] | None,
    *,
    same: bool,
    whole: NamedSharding | None,
) -> Nearest:
    """`nearest` with a further block of the bank taken into account.

    Args:
      nearest: what was found in the blocks before.
      queries: prepared features.
      bank: features of the block.
      numbers: of its images; -1 for rows that do not count.
      labels: of all images of the bank.
      centre: of the bank, for Euclidean distances; None for cosine similarity.
      same: whether a query is not its own neighbour.
      whole: how the block is placed on several devices, which all need it.
    """
    bank = _prepare(bank, centre)
    if whole is not None:
        bank, numbers = jax.lax.with_sharding_constraint((bank, numbers), whole)
    squares = None if centre is None else jnp.sum(bank**2, axis=1)[None] / 2
    classes = labels[jnp.maximum(numbers, 0)]
    k = nearest.labels.shape[-1]

    def tile(args: tuple[Nearest, Array]) -> tuple[Array, Array]:
        (best, best_labels, rows), queries = args
        # At the default precision, rounding on accelerators would blur which image is nearer.
        similarities = jnp.matmul(queries, bank.T, precision="highest")
        if squares is not None:  # -|q - x|^2 / 2, without a term that the whole bank shares
            similarities -= squares
        out = numbers[None] < 0
        if same:
            out |= rows[:, None] == numbers[None]
        similarities = jnp.where(out, -jnp.inf, similarities)
        # Among equals the first stays first, so earlier blocks go before later ones.
        best, places = jax.lax.top_k(jnp.concatenate([best, similarities], axis=1), k)
        old = jnp.take_along_axis(best_labels, jnp.minimum(places, k - 1), axis=1)
        return best, jnp.where(places < k, old, classes[jnp.maximum(places - k, 0)])

    similarities, found = jax.lax.map(tile, (nearest, queries))
    return Nearest(similarities, found, nearest.numbers)
