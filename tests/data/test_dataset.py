"""The fingerprint of a data set, and its images in memory."""

import numpy as np

from ssl_jax.data.dataset import Dataset, bytes_of, fingerprint, in_memory, take
from tests.data.numbered import numbered


def test_the_fingerprint_depends_on_the_content():
    base = numbered()
    pixels, labels = base.images.copy(), base.labels.copy()
    pixels[5, 1, 1, 0] ^= 1
    labels[5] ^= 1
    others = [
        base._replace(images=pixels),
        base._replace(labels=labels),
        base._replace(labels=None),
        base._replace(classes=("a", "b", "d", "c")),
        base._replace(images=base.images.reshape(80, 4, 1, 1)),
        take(base, np.arange(79)),
    ]
    assert len({fingerprint(dataset) for dataset in (base, *others)}) == 7
    same = Dataset(np.asfortranarray(base.images), base.labels.copy(), base.classes, ())
    assert fingerprint(same) == fingerprint(base)
    assert len(fingerprint(base)) == 64


def test_arrays_are_already_in_memory():
    dataset = numbered()
    assert in_memory(dataset) is dataset
    assert bytes_of(dataset) == 320
