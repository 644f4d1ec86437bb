"""Batches read by grain against a plain loop over the steps."""

import contextlib
import multiprocessing
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest
from PIL import Image

from ssl_jax.data.crop import Crop, Crops, draw, make_views, shrunk
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.order import batch_indices, epoch_order
from ssl_jax.data.stream import stream
from ssl_jax.errors import UserError
from tests.refusals import refuses

SIZE, BATCH, SEED = 23, 6, 5
RNG = np.random.default_rng(0)
CROPS = Crops(
    (
        Crop(8, 1.0, (0.2, 1.0), (3 / 4, 4 / 3), "bilinear"),
        Crop(5, 0.5, (0.1, 0.3), (3 / 4, 4 / 3), "bicubic"),
    ),
    np.array([3, 4], np.uint32),
)


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
        return [jax.tree.map(np.array, tuple(batch)) for batch in batches]


def check(batches, dataset, start, stop):
    """Compares with the batches of a plain loop over the arrays."""
    assert len(batches) == stop - start
    for step, (images, labels, indices, wanted) in zip(range(start, stop), batches, strict=True):
        expected = batch_indices(step, seed=SEED, size=SIZE, batch_size=BATCH)
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_array_equal(wanted, expected)
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


def photographs(folder):
    """Files of different sizes, each of a colour that tells which it is."""
    names = tuple(f"{index}.png" for index in range(SIZE))
    sizes = RNG.integers(9, 30, (SIZE, 2)).tolist()
    for index, (name, size) in enumerate(zip(names, sizes, strict=True)):
        Image.new("RGB", tuple(size), (10 * index, 250 - 10 * index, index)).save(folder / name)
    files = ImageFiles(str(folder), names, (0,) * SIZE, image_size=8, channels=3)
    return Dataset(files, np.arange(SIZE, dtype=np.int32) * 10, ())


def test_an_unreadable_file_is_replaced_by_another_of_the_epoch(tmp_path):
    expected = photographs(tmp_path)
    for damaged in (3, 7, 8):
        (tmp_path / f"{damaged}.png").write_bytes(b"\x89PNG and nothing more")
    batches = read(expected, 0, 3, crops=CROPS)
    replaced = {}
    for images, labels, indices, wanted in batches:
        np.testing.assert_array_equal(labels, 10 * indices)
        for view in images:
            np.testing.assert_array_equal(view[:, 0, 0, 2], indices)
        for i in np.flatnonzero(indices != wanted):
            replaced[wanted[i]] = indices[i]
            # The image that has this row in the next batch, or in one after it.
            later = [batch_indices(s, seed=SEED, size=SIZE, batch_size=BATCH)[i] for s in range(3)]
            assert indices[i] in later or indices[i] in epoch_order(SEED, 0, SIZE)[18:]
    met = set(epoch_order(SEED, 0, SIZE)[:18]) & {3, 7, 8}
    assert met and set(replaced) == met
    # The same whatever the number of processes.
    parts = [read(expected, 0, 3, crops=CROPS, process_index=i, process_count=3) for i in range(3)]
    for batch, *rows in zip(batches, *parts, strict=True):
        joined = jax.tree.map(lambda *arrays: np.concatenate(arrays), *rows)
        jax.tree.map(np.testing.assert_array_equal, joined, batch)


def test_a_set_of_which_nothing_can_be_read_is_refused(tmp_path):
    dataset = photographs(tmp_path)
    for index in range(SIZE):
        (tmp_path / f"{index}.png").write_text("damaged")
    with pytest.raises(UserError, match=r"20 images in a row cannot be read, .*\.png"):
        read(dataset, 0, 1, crops=CROPS)


def test_views_are_those_of_a_plain_loop_however_they_are_shared(tmp_path):
    dataset = photographs(tmp_path)
    batches = read(dataset, 2, 5, crops=CROPS)
    for step, (images, labels, indices, _) in zip(range(2, 5), batches, strict=True):
        assert [view.shape for view in images] == [(BATCH, 8, 8, 3), (BATCH, 5, 5, 3)]
        np.testing.assert_array_equal(labels, 10 * indices)
        for row, index in enumerate(indices):
            draws = draw(CROPS, step, np.array([index]))[0]
            one = make_views(dataset.images.open(int(index)), CROPS, draws, channels=3)
            for view, expected in zip(images, one, strict=True):
                np.testing.assert_array_equal(view[row], expected)
    halves = [read(dataset, 2, 5, crops=CROPS, process_index=i, process_count=2) for i in (0, 1)]
    for batch, *rows in zip(batches, *halves, strict=True):
        joined = jax.tree.map(lambda *arrays: np.concatenate(arrays), *rows)
        jax.tree.map(np.testing.assert_array_equal, joined, batch)


def test_images_that_are_kept_are_decoded_once(tmp_path, monkeypatch):
    dataset = photographs(tmp_path)
    read_from, opened = EncodedImages.open, []
    spy = lambda images, index: opened.append(index) or read_from(images, index)  # noqa: E731
    monkeypatch.setattr(EncodedImages, "open", spy)
    crops = CROPS._replace(short_side=12)
    batches = read(dataset, 0, 9, crops=crops)
    # 54 were asked for; batches that are read at the same time may open an image twice.
    assert set(opened) == set(range(SIZE)) and len(opened) < 2 * SIZE - 6
    for step in (1, 8):
        images, _, indices, _ = batches[step]
        for row, index in enumerate(map(int, indices)):
            image = shrunk(read_from(dataset.images, index), 12, channels=3)
            assert min(image.height, image.width) <= 12
            draws = draw(CROPS, step, np.array([index]))[0]
            for view, expected in zip(
                images, make_views(image, CROPS, draws, channels=3), strict=True
            ):
                np.testing.assert_array_equal(view[row], expected)


@pytest.mark.slow
def test_views_are_the_same_from_worker_processes(tmp_path):
    dataset = photographs(tmp_path)
    (tmp_path / "3.png").write_text("damaged")
    crops = CROPS._replace(short_side=12)
    alone, shared = (read(dataset, 1, 6, crops=crops, workers=workers) for workers in (0, 2))
    jax.tree.map(np.testing.assert_array_equal, alone, shared)


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
