"""The order of an epoch, and the position of a step in it."""

import numpy as np
import pytest

from ssl_jax.data.order import batch_indices, epoch_order, own_rows, steps_per_epoch
from tests.refusals import refuses


def test_the_order_sorts_the_raw_bits_of_the_generator():
    generator = np.random.PCG64(np.random.SeedSequence((7, 3)))
    bits = [int(generator.random_raw()) for _ in range(50)]
    assert epoch_order(7, 3, 50).tolist() == sorted(range(50), key=lambda i: bits[i])


def test_the_order_never_changes():
    # Recorded with NumPy 2.4.6 on Python 3.11: a resumed run must see the same images.
    assert epoch_order(7, 3, 10).tolist() == [2, 4, 7, 3, 5, 1, 8, 9, 0, 6]


def test_every_seed_and_epoch_has_its_own_order():
    orders = {epoch_order(s, e, 100).tobytes() for s in range(4) for e in range(4)}
    assert len(orders) == 16


def test_an_order_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        epoch_order(0, 0, 10)[0] = 1


def test_batches_traverse_each_epoch_and_drop_its_remainder():
    size, batch_size = 23, 5
    expected = []
    for epoch in range(3):
        order = epoch_order(1, epoch, size)
        expected += [order[start : start + batch_size] for start in range(0, 20, batch_size)]
    # Backwards, since the indices of a step do not depend on earlier calls.
    for step in reversed(range(12)):
        indices = batch_indices(step, seed=1, size=size, batch_size=batch_size)
        np.testing.assert_array_equal(indices, expected[step])
        assert indices.dtype == np.int32
    assert steps_per_epoch(size=size, batch_size=batch_size) == 4


def test_a_batch_larger_than_the_set_is_refused():
    with refuses("batch_size", 11):
        batch_indices(0, seed=0, size=10, batch_size=11)
    assert batch_indices(0, seed=0, size=10, batch_size=10).shape == (10,)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_the_rows_of_all_processes_are_the_batch(processes):
    indices = epoch_order(0, 0, 12)
    parts = [own_rows(indices, process_index=i, process_count=processes) for i in range(processes)]
    assert {len(part) for part in parts} == {12 // processes}
    np.testing.assert_array_equal(np.concatenate(parts), indices)
