"""Arrays in npz archives."""

import numpy as np
import pytest

from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
LABELS = np.arange(20) % 3


def save(folder, train, test=None):
    np.savez(folder / "train.npz", **train)
    if test is not None:
        np.savez_compressed(folder / "test.npz", **test)


def test_images_and_labels_are_read_as_saved(tmp_path):
    save(tmp_path, {"image": IMAGES, "label": LABELS}, {"image": IMAGES[:4], "label": [0, 1, 2, 3]})
    train, test, _ = load("npz", path=str(tmp_path))
    np.testing.assert_array_equal(train.images, IMAGES)
    np.testing.assert_array_equal(train.labels, LABELS)
    np.testing.assert_array_equal(test.images, IMAGES[:4])
    np.testing.assert_array_equal(test.labels, [0, 1, 2, 3])
    assert train.labels.dtype == np.int32
    assert train.classes == test.classes == ("0", "1", "2", "3")


def test_without_labels_and_without_a_test_set(tmp_path):
    save(tmp_path, {"image": IMAGES})
    train, test, _ = load("npz", path=str(tmp_path))
    assert train.labels is None and train.classes == () and test is None


def test_without_a_test_set_a_tenth_is_split_off(tmp_path):
    save(tmp_path, {"image": IMAGES, "label": LABELS})
    train, test, _ = load("npz", path=str(tmp_path))
    together = np.concatenate([train.images, test.images])
    assert len(test.images) == 2
    assert sorted(map(bytes, together)) == sorted(map(bytes, IMAGES))


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ({"label": LABELS}, None, "train.npz cannot be read: 'image is not"),
        ({"image": IMAGES.astype(np.float32)}, None, r"uint8 \[N, H, W, C\], not float32"),
        ({"image": IMAGES[..., 0]}, None, r"not uint8 \[20, 4, 4\]"),
        ({"image": IMAGES[:0]}, None, r"not uint8 \[0, 4, 4, 3\]"),
        (
            {"image": IMAGES, "label": LABELS[:19]},
            None,
            r"non-negative integers \[20\], not int64 \[19",
        ),
        ({"image": IMAGES, "label": LABELS - 1}, None, "non-negative integers"),
        ({"image": IMAGES, "label": LABELS / 2}, None, "not float64"),
        (
            {"image": IMAGES, "label": LABELS},
            {"image": IMAGES},
            "either both or neither of .* must have labels",
        ),
        (
            {"image": IMAGES},
            {"image": IMAGES[:, :2]},
            r"same shape, not \(4, 4, 3\) and \(2, 4, 3\)",
        ),
        ({"image": np.array([{}, {}])}, None, "train.npz cannot be read: Object arrays"),
    ],
)
def test_other_content_is_refused(tmp_path, train, test, message):
    save(tmp_path, train, test)
    with pytest.raises(UserError, match=message) as error:
        load("npz", path=str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_damaged_archive_is_refused(tmp_path):
    save(tmp_path, {"image": IMAGES})
    content = bytearray((tmp_path / "train.npz").read_bytes())
    content[500] ^= 255
    (tmp_path / "train.npz").write_bytes(content)
    with pytest.raises(UserError, match="train.npz cannot be read"):
        load("npz", path=str(tmp_path))
    (tmp_path / "train.npz").write_bytes(b"not an archive")
    with pytest.raises(UserError, match="train.npz cannot be read"):
        load("npz", path=str(tmp_path))


@pytest.mark.parametrize("path", ["", "missing"])
def test_a_missing_archive_is_refused(path):
    with refuses("path", path) as caught:
        load("npz", path=path)
    assert "must be a folder that contains train.npz" in str(caught.value)
