"""Search block by block: exact, with ties, on any number of devices, in memory that has a bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.devices import sharding
from ssl_jax.devices.hardware import program_memory
from ssl_jax.evaluation import shares
from ssl_jax.evaluation.classifiers import knn, nearest
from ssl_jax.evaluation.features import Features
from ssl_jax.evaluation.shares import share

RNG = np.random.default_rng(0)
# Small whole numbers: products are exact, and many images are equally near.
BANK = RNG.integers(-2, 3, (150, 5)).astype(np.float32)
QUERIES = RNG.integers(-2, 3, (40, 5)).astype(np.float32)
K = 12


def on(devices: int, array: np.ndarray) -> Features:
    return Features(array, share(len(array), sharding.make(devices, jax.devices()[:devices])))


def found(devices: int, **options: bool) -> tuple[np.ndarray, np.ndarray]:
    """(similarities, rows of the bank) of the neighbours of every query, in order."""
    queries = BANK[:40] if options.get("same") else QUERIES
    rows = np.arange(len(BANK))  # the labels are the rows
    result = nearest.search(on(devices, BANK), rows, on(devices, queries), k=K, **options)
    parts = [
        jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), part) for part in result
    ]
    similarities, labels, numbers = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.argsort(numbers)[np.sum(numbers < 0) :]
    assert numbers[order].tolist() == list(range(40))
    return similarities[order], labels[order]


@pytest.mark.parametrize("block", [8, 48, 1000])
@pytest.mark.parametrize("devices", [1, 8])
def test_neighbours_are_those_of_a_stable_sort(
    block: int, devices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "BLOCK_ROWS", block)
    monkeypatch.setattr(nearest, "QUERIES_AT_A_TIME", 3)
    monkeypatch.setattr(nearest, "QUERY_BYTES", 100 * 5)  # several stacks
    monkeypatch.setattr(Features, "moments", lambda self: (np.ones((1, 5)), None))  # exact
    distances = np.sum((QUERIES[:, None] - BANK[None]) ** 2, axis=2)
    expected = np.argsort(distances, axis=1, kind="stable")[:, :K]
    ties = np.take_along_axis(distances, expected, axis=1)
    assert np.mean(ties[:, 1:] == ties[:, :-1]) > 0.5
    np.testing.assert_array_equal(found(devices, euclidean=True)[1], expected)


@pytest.mark.parametrize("devices", [1, 8])
def test_a_query_is_not_its_own_neighbour(devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "BLOCK_ROWS", 32)
    unit = BANK / np.maximum(np.linalg.norm(BANK, axis=1, keepdims=True), 1e-12)
    cosine = (unit[:40] @ unit.T).astype(np.float64)
    cosine[np.arange(40), np.arange(40)] = -np.inf
    similarities, rows = found(devices, same=True)
    assert not (rows == np.arange(40)[:, None]).any()
    np.testing.assert_allclose(similarities, -np.sort(-cosine, axis=1)[:, :K], atol=1e-6)


def test_imagenet_fits_into_two_gibibytes_of_one_device() -> None:
    width, k = 2048, 200
    size, rows = 1_281_167, nearest.QUERIES_AT_A_TIME
    tiles = -(-50_000 // rows)
    assert tiles * rows * width * 4 <= nearest.QUERY_BYTES  # all test images at once
    of, block = jax.ShapeDtypeStruct, share(size).block
    kept = nearest.Nearest(
        of((tiles, rows, k), jnp.float32),
        of((tiles, rows, k), jnp.int32),
        of((tiles, rows), jnp.int32),
    )
    program = nearest.merge.lower(
        kept,
        of((tiles, rows, width), jnp.float32),
        of((block, width), jnp.float32),
        of((block,), jnp.int32),
        of((size,), jnp.int32),
        None,
        same=False,
        whole=None,
    )
    coming = block * width * 4  # the next block arrives meanwhile
    assert 2**29 < program_memory(program.compile()) + coming < 1.5 * 2**30
    options = tuple((k, t) for k in (20, 200) for t in (0.07, 0.1))
    votes = knn._hits.lower(kept, of((50_000,), jnp.int32), options=options)
    assert program_memory(votes.compile()) < 2**30
