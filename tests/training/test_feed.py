"""Resident and streamed feeds give the same images in the same order on any number of devices."""

import multiprocessing

import jax
import numpy as np
import pytest

from ssl_jax.data.dataset import Dataset
from ssl_jax.devices import sharding
from ssl_jax.errors import UserError
from ssl_jax.training import feed

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)
LABELS = np.arange(50, dtype=np.int32) % 7


def sources(labels, devices):
    dataset = Dataset(IMAGES, labels, ())
    shardings = sharding.make(16, devices)
    common = dict(batch_size=16, seed=3, shardings=shardings)
    yield feed.on_device(dataset, **common)
    yield feed.streamed(dataset, workers=0, steps=9, **common)


@pytest.mark.parametrize("labels", [LABELS, None], ids=["labels", "none"])
@pytest.mark.parametrize("devices", [1, 8])
def test_both_pipelines_give_the_same_images_in_the_same_order(labels, devices):
    seen = []
    for source in sources(labels, jax.devices()[:devices]):
        gather = jax.jit(source.gather)
        # Also from a later step: which images come depends on the step alone.
        batches = [gather(source.constants, source.inputs(step, 1)) for step in (0, 1, 2, 3, 7, 8)]
        several = jax.vmap(source.gather, (None, 0))(source.constants, source.inputs(0, 3))
        source.close()
        seen.append(jax.device_get((batches, several)))
    first, second = seen
    jax.tree.map(np.testing.assert_array_equal, first, second)
    batches, several = first
    for batch in batches:
        np.testing.assert_array_equal(batch.images, IMAGES[batch.indices])
        if labels is not None:
            np.testing.assert_array_equal(batch.labels, LABELS[batch.indices])
    for step in range(3):
        np.testing.assert_array_equal(several.indices[step], batches[step].indices)


def test_an_epoch_sees_every_image_once_and_epochs_differ():
    source = next(sources(None, jax.devices()[:1]))
    steps = [np.asarray(source.inputs(step, 1)) for step in range(6)]
    epochs = [np.concatenate(steps[:3]), np.concatenate(steps[3:])]
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 48
    assert not np.array_equal(*epochs)


def test_a_killed_process_that_reads_images_is_one_line():
    shardings = sharding.make(16, jax.devices()[:1])
    options = dict(batch_size=16, seed=3, shardings=shardings, workers=1, steps=900)
    source = feed.streamed(Dataset(IMAGES, LABELS, ()), **options)
    before = set(multiprocessing.active_children())
    source.inputs(0, 1)
    for child in set(multiprocessing.active_children()) - before:
        child.kill()
    with pytest.raises(UserError, match="a process that reads images was killed"):
        for step in range(1, 900):  # some batches have been read ahead
            source.inputs(step, 1)
    source.close()
