"""Features divided between processes and devices: each row has one holder, results are the same."""

import jax
import numpy as np
import pytest

from ssl_jax.devices import sharding
from ssl_jax.evaluation import shares
from ssl_jax.evaluation.classifiers.hinge import hinge_accuracy
from ssl_jax.evaluation.classifiers.knn import euclidean_knn_accuracy, knn_accuracy, leave_one_out
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.classifiers.sgd import sgd_probe
from ssl_jax.evaluation.extract import extract_all, flat_pixels
from ssl_jax.evaluation.features import Features, Labelled, join, select
from ssl_jax.evaluation.placement import place
from ssl_jax.evaluation.shares import Shares, share
from tests.evaluation.clusters import clusters

CLASSES = 7
TRAIN, HOLDOUT, TEST = clusters(120, 40, 90, classes=CLASSES, width=10, spread=1.5, seed=2)


@pytest.mark.parametrize(("size", "block"), [(1, 8), (100, 16), (96, 96), (1000, 24)])
def test_processes_hold_every_row_once_and_blocks_keep_the_order(
    size: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jax, "process_count", lambda: 4)
    divided = Shares(size, block, sharding.make(8))
    own = [divided.own(process) for process in range(4)]
    np.testing.assert_array_equal(np.sort(np.concatenate(own)), np.arange(size))
    assert divided.longest == max(map(len, own))
    process, position = divided.holders()
    for row in range(size):
        assert own[process[row]][position[row]] == row
    for start in range(0, size, block):  # the segments of a block, one after the other
        index, segment = start // block, divided.segment
        parts = [rows[index * segment : (index + 1) * segment] for rows in own]
        np.testing.assert_array_equal(
            np.concatenate(parts), np.arange(start, min(start + block, size))
        )


def labelled(images: Labelled, devices: int) -> Labelled:
    shardings = sharding.make(devices, jax.devices()[:devices])
    return Labelled(
        Features(np.asarray(images.features), share(len(images[1]), shardings)), images[1]
    )


def everything(devices: int) -> dict[str, object]:
    """All that is computed of features, with the held-out images behind the training images."""
    both, test = labelled(join(TRAIN, HOLDOUT), devices), labelled(TEST, devices)
    train, holdout = select(both, np.arange(120)), select(both, np.arange(120, 160))
    options = {"num_classes": CLASSES}
    return {
        "knn": knn_accuracy(join(train, holdout), test, ks=(5, 20), **options),
        "euclidean": euclidean_knn_accuracy(both, test, ks=(5,), **options),
        "leave one out": leave_one_out(train, ks=(1,), **options),
        "ridge": ridge_probe(train, holdout, test, **options),
        "sgd": sgd_probe(train, holdout, test, epochs=4, batch_size=32, **options),
        "hinge": hinge_accuracy(both, test, costs=(0.1, 10.0), folds=3, epochs=4, **options),
        "few": ridge_probe(select(both, np.arange(0, 60)), holdout, test, **options),
    }


def test_results_are_equal_on_one_and_on_eight_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "BLOCK_ROWS", 64)
    assert everything(1) == everything(8)


def test_a_selection_is_what_it_is_of_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "BLOCK_ROWS", 32)
    rows = np.array([150, 3, 77, 4, 159, 0])
    for devices in (1, 8):
        both = labelled(join(TRAIN, HOLDOUT), devices)
        chosen = select(select(both, np.arange(160)[::-1]), 159 - rows)
        expected = np.asarray(both.features)[rows]
        np.testing.assert_array_equal(np.asarray(chosen.features), expected)
        np.testing.assert_array_equal(chosen.labels, both.labels[rows])
        mean, deviation = chosen.features.moments()
        np.testing.assert_allclose(mean[0], expected.mean(axis=0, dtype=np.float64))
        np.testing.assert_allclose(deviation[0], expected.std(axis=0, dtype=np.float64))
        blocks = list(chosen.features.blocks())
        assert len(blocks) == 3  # those with images that count
        for block in blocks:
            counted = np.asarray(block.numbers) >= 0
            given = np.asarray(block.features)[counted]
            np.testing.assert_array_equal(given, expected[np.asarray(block.numbers)[counted]])
        placed = place(chosen.features)
        np.testing.assert_array_equal(np.asarray(placed.features)[placed.positions], expected)
        assert len(placed.features) < 160


def test_several_encoders_see_every_image_once_and_bfloat16_is_kept() -> None:
    read = []

    class Stored:
        shape = (21, 4, 4, 3)

        def __len__(self) -> int:
            return 21

        def __getitem__(self, index: int, /) -> np.ndarray:
            read.append(index)
            return np.full((4, 4, 3), index, np.uint8)

        def subset(self, indices: np.ndarray) -> "Stored":
            raise NotImplementedError

        def identity(self) -> str:
            raise NotImplementedError

    encoders = {"pixels": flat_pixels, "half": lambda images: flat_pixels(images) / 2}
    found = extract_all(
        encoders, Stored(), batch_size=5, shardings=sharding.make(8), dtype="bfloat16"
    )
    assert sorted(read) == list(range(21))
    values = np.repeat(np.arange(21)[:, None] / 255, 48, axis=1)
    for name, scale in (("pixels", 1), ("half", 0.5)):
        features = found[name]
        assert features.own.dtype.itemsize == 2 and features.shape == (21, 48)
        np.testing.assert_allclose(np.asarray(features), scale * values, rtol=2**-8)
        assert np.asarray(features).dtype == np.float32
