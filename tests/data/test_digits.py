"""The digits against the arrays of scikit-learn."""

import numpy as np
from sklearn.datasets import load_digits

from ssl_jax.data.load import load


def test_every_digit_is_in_one_of_the_two_sets():
    train, test, _ = load("digits")
    assert train.images.shape == (1437, 8, 8, 1) and test.images.shape == (360, 8, 8, 1)
    assert train.images.dtype == np.uint8 and train.classes == test.classes
    digits = load_digits()
    expected = sorted(
        (tuple(int(value * 255 / 16 + 0.5) for value in row), int(label))
        for row, label in zip(digits.data, digits.target, strict=True)
    )
    loaded = sorted(
        (tuple(image.ravel().tolist()), int(label))
        for part in (train, test)
        for image, label in zip(part.images, part.labels, strict=True)
    )
    assert loaded == expected
    assert [train.classes[label] for label in train.labels[:20]] == [
        str(label) for label in train.labels[:20]
    ]


def test_the_test_set_has_a_fifth_of_every_class():
    train, test, _ = load("digits")
    share = np.bincount(test.labels) / (np.bincount(test.labels) + np.bincount(train.labels))
    np.testing.assert_allclose(share, 0.2, atol=0.004)
