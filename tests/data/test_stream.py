"""Batches read by grain against a plain loop over the steps."""

import contextlib
import multiprocessing
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.order import batch_indices
from ssl_jax.data.stream import stream
from ssl_jax.errors import UserError
from tests.refusals import refuses

SIZE, BATCH, SEED = 23, 6, 5


def arrays(labelled=True):
    images = np.random.default_rng(0).integers(0, 256, (SIZE, 4, 4, 3), dtype=np.uint8)
    return Dataset(images, np.arange(SIZE, dtype=np.int32) * 10 if labelled else None, ())


def in_files(dataset, folder):
    names = tuple(f"{index}.png" for index in range(SIZE))
    for name, image in zip(names, dataset.images, strict=True):
        Image.fromarray(image).save(folder / name)
    return dataset._replace(
        images=ImageFiles(str(folder), names, (0,) * SIZE, image_size=4, channels=3)
    )


def read(dataset, start, stop, **arguments):
    arguments = {"batch_size": BATCH, "seed": SEED, **arguments}
    with contextlib.closing(stream(dataset, start=start, stop=stop, **arguments)) as batches:
        return [tuple(np.array(part) for part in batch) for batch in batches]


def check(batches, dataset, start, stop):
    """Compares with the batches of a plain loop over the arrays."""
    assert len(batches) == stop - start
    for step, (images, labels, indices) in zip(range(start, stop), batches, strict=True):
        expected = batch_indices(step, seed=SEED, size=SIZE, batch_size=BATCH)
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_array_equal(images, dataset.images[expected])
        np.testing.assert_array_equal(labels, expected * 10)
        assert images.dtype == np.uint8 and labels.dtype == indices.dtype == np.int32


@pytest.mark.parametrize("start", [0, 2, 7])  # three batches per epoch
def test_arrays_and_files_come_in_the_order_of_the_steps(tmp_path, start):
    dataset = arrays()
    check(read(dataset, start, 10), dataset, start, 10)
    check(read(in_files(dataset, tmp_path), start, 10), dataset, start, 10)


def test_the_parts_of_two_processes_form_the_batch_of_one():
    dataset = arrays()
    parts = [read(dataset, 1, 6, process_index=i, process_count=2) for i in (0, 1)]
    assert parts[0][0][0].shape == (3, 4, 4, 3)
    joined = [
        tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))
        for first, second in zip(*parts, strict=True)
    ]
    check(joined, dataset, 1, 6)


def test_unlabelled_images_have_no_labels():
    with contextlib.closing(
        stream(arrays(labelled=False), batch_size=BATCH, seed=SEED, start=0, stop=2)
    ) as batches:
        assert [batch.labels for batch in batches] == [None, None]


def test_no_steps_are_no_batches():
    assert read(arrays(), 4, 4) == []


def test_few_batches_are_read_ahead():
    class Counting:
        shape, reads = (SIZE, 4, 4, 3), 0

        def __len__(self):
            return SIZE

        def __getitem__(self, index):
            self.reads += 1
            return np.zeros((4, 4, 3), np.uint8)

        def subset(self, indices):
            raise AssertionError

        def identity(self):
            raise AssertionError

    images = Counting()
    batches = stream(Dataset(images, None, ()), batch_size=BATCH, seed=0, start=0, stop=10**6)
    with contextlib.closing(batches):
        next(batches)
    for thread in threading.enumerate():  # reads that were under way on closing
        if thread.name.startswith("grain-prefetch"):
            thread.join()
    assert images.reads <= 4 * BATCH


def test_an_unreadable_file_is_named(tmp_path):
    dataset = in_files(arrays(), tmp_path)
    (tmp_path / "3.png").write_text("damaged")
    with pytest.raises(UserError, match="3.png has become unreadable"):
        read(dataset, 0, 12)


def test_batches_that_do_not_fit_are_refused():
    with refuses("batch_size", 24):
        stream(arrays(), batch_size=24, seed=0, start=0, stop=1)
    with refuses("batch_size", 6):
        stream(arrays(), batch_size=6, seed=0, start=0, stop=1, process_count=4)


@pytest.mark.slow
def test_worker_processes_change_nothing(tmp_path):
    dataset = arrays()
    check(read(in_files(dataset, tmp_path), 2, 10, workers=2), dataset, 2, 10)
    endless = stream(dataset, batch_size=6, seed=0, start=0, stop=10**6, workers=2)
    with contextlib.closing(endless):
        next(endless)
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_no_worker_outlives_its_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "from ssl_jax.data.load import load\n"
        "from ssl_jax.data.stream import stream\n"
        "if __name__ == '__main__':\n"
        "    train, *_ = load('digits')\n"
        "    for _ in stream(train, batch_size=8, seed=0, start=0, stop=10**9, workers=2):\n"
        "        print('reading', flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout.readline() == "reading\n"
    parent.kill()
    # The workers keep this pipe open until the last of them has ended.
    parent.communicate(timeout=60)
    assert parent.returncode == -9
