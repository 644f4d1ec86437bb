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
        ({"label": LABELS}, None, "train.npz has no array called image, but label"),
        ({"image": IMAGES[..., 0, 0]}, None, r"not uint8 \[20, 4\]"),
        ({"image": IMAGES.astype("U3")}, None, r"must be numbers \[N, H, W, C\], not <U3"),
        ({"image": IMAGES[:0]}, None, r"not uint8 \[0, 4, 4, 3\]"),
        (
            {"image": IMAGES, "label": LABELS[:19]},
            None,
            r"must be \[20\], one for each image, not int64 \[19",
        ),
        ({"image": IMAGES, "label": LABELS - 1}, None, "are -1 for 7 images"),
        ({"image": IMAGES, "label": LABELS / 2}, None, "must be integers or text, not float64"),
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
    assert "or a folder that contains train.npz" in str(caught.value)


def labels_of(folder, labels, test=None):
    """(class indices, names of the classes) of a training set, which is not split."""
    save(folder, {"image": IMAGES, "label": labels}, {"image": IMAGES[:4], "label": test})
    found = load("npz", path=str(folder))
    return found.train.labels.tolist(), found.train.classes, found.test.labels.tolist()


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "f4", "f8"]
)
def test_labels_of_any_type_are_numbered_over_the_values_that_occur(tmp_path, dtype):
    values = np.array([100, 3, 127]).astype(dtype)
    labels = values[np.arange(20) % 3]
    found, classes, test = labels_of(tmp_path, labels, labels[1:5])
    assert classes == ("3", "100", "127")
    assert found == [(1, 0, 2)[index % 3] for index in range(20)] and test == [0, 2, 1, 0]


def test_the_largest_and_the_smallest_labels(tmp_path):
    for values in (
        np.array([255, 0, 7], np.uint8),
        np.array([20_230_001, -7, 2**40]),
        np.array([2**64 - 1, 0, 1], np.uint64),
        np.array([1, -1, 1]),
    ):
        labels = values[np.arange(20) % 3]
        found, classes, _ = labels_of(tmp_path, labels, labels[:4])
        assert [classes[index] for index in found] == [str(value) for value in labels]
        assert list(map(int, classes)) == sorted(set(values.tolist()))


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.array(["owl", "ant ", "owl"]), ("ant", "owl")),
        (np.array([b"owl", b"ant", b"owl"]), ("ant", "owl")),
        (np.array([True, False, True]), ("0", "1")),
        (np.array([[7], [3], [7]], np.uint8), ("3", "7")),
        (np.array([[0, 1], [1, 0], [0, 1]]), ("0", "1")),
        (np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), ("0", "1")),
    ],
)
def test_text_bool_columns_and_one_hot(tmp_path, values, classes):
    labels = values[np.arange(20) % 3]
    found, names, test = labels_of(tmp_path, labels, labels[:4])
    assert names == classes and test == [1, 0, 1, 1]
    assert found == [(1, 0, 1)[index % 3] for index in range(20)]


def test_several_classes_in_an_image_become_presence(tmp_path):
    labels = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])[np.arange(20) % 3]
    save(tmp_path, {"image": IMAGES, "label": labels}, {"image": IMAGES[:1], "label": labels[2:3]})
    train, test, _ = load("npz", path=str(tmp_path))
    assert train.labels is None and train.classes == ("0", "1", "2")
    assert train.presence[:2].tolist() == [[1, -1, 1], [-1, -1, -1]]
    assert test.presence.tolist() == [[-1, 1, -1]]


def test_minus_one_everywhere_is_no_label(tmp_path):
    save(tmp_path, {"image": IMAGES, "label": np.full(20, -1)})
    train, test, _ = load("npz", path=str(tmp_path))
    assert train.labels is None and test is None


def test_a_class_that_is_not_trained_on_is_said(tmp_path):
    save(tmp_path, {"image": IMAGES, "label": LABELS}, {"image": IMAGES[:4], "label": [0, 1, 2, 9]})
    train, test, _ = load("npz", path=str(tmp_path))
    assert test.labels.tolist() == [0, 1, 2, 3] and test.classes == ("0", "1", "2", "9")
    assert "no training image is of class 9" in train.notes


@pytest.mark.parametrize(
    ("image", "label"),
    [("images", "labels"), ("X", "y"), ("data", "target"), ("arr_0", "arr_1"), ("img", "class")],
)
def test_other_names_of_arrays(tmp_path, image, label):
    save(tmp_path, {image: IMAGES, label: LABELS, "meta": LABELS})
    train, test, _ = load("npz", path=str(tmp_path / "train.npz"), test="train")
    assert sorted(map(bytes, [*train.images, *test.images])) == sorted(map(bytes, IMAGES))
    assert train.classes == ("0", "1", "2")
    assert f"not used in {tmp_path / 'train.npz'}: meta" in train.notes


def test_medmnist(tmp_path):
    sizes = {"train": (0, 12), "val": (12, 16), "test": (16, 20)}
    arrays = {}
    for name, (start, stop) in sizes.items():
        arrays[f"{name}_images"] = IMAGES[start:stop, ..., 0]
        arrays[f"{name}_labels"] = LABELS[start:stop, None].astype(np.uint8)
    np.savez(tmp_path / "pathmnist.npz", **arrays)
    for path in (tmp_path, tmp_path / "pathmnist.npz"):
        train, test, _ = load("npz", path=str(path))
        np.testing.assert_array_equal(train.images, IMAGES[:12, ..., :1])
        np.testing.assert_array_equal(test.images, IMAGES[16:, ..., :1])
        assert test.labels.tolist() == LABELS[16:].tolist()
        assert "val is not used; --config.data.test=val tests on it" in train.notes
    _, test, _ = load("npz", path=str(tmp_path), test="val")
    np.testing.assert_array_equal(test.images, IMAGES[12:16, ..., :1])


def test_keras(tmp_path):
    np.savez(
        tmp_path / "a.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:3], y_test=[2, 1, 0]
    )
    train, test, _ = load("npz", path=str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(train.images, IMAGES)
    assert test.labels.tolist() == [2, 1, 0]


def test_channels_first(tmp_path):
    save(tmp_path, {"image": IMAGES.transpose(0, 3, 1, 2), "label": LABELS})
    train, test, _ = load("npz", path=str(tmp_path))
    assert train.images.shape == (18, 4, 4, 3)
    assert sorted(map(bytes, [*train.images, *test.images])) == sorted(map(bytes, IMAGES))
    assert any("read as [N, C, H, W]" in note for note in train.notes)
    save(tmp_path, {"image": np.zeros((2, 3, 8, 4))})
    with pytest.raises(UserError, match="may be .N, H, W, C. or .N, C, H, W.: float64"):
        load("npz", path=str(tmp_path))


def test_thirteen_bands(tmp_path):
    bands = RNG.integers(0, 256, (4, 6, 6, 13), dtype=np.uint8)
    for images in (bands, bands.transpose(0, 3, 1, 2)):
        save(tmp_path, {"image": images})
        np.testing.assert_array_equal(load("npz", path=str(tmp_path)).train.images, bands)


@pytest.mark.parametrize(
    ("images", "value_range", "said"),
    [
        (IMAGES / 255, (), "scaled from 0 to 1"),
        ((IMAGES / 127.5 - 1).astype(np.float32), (), "scaled from -1 to 1"),
        (IMAGES.astype(np.float16), (), "scaled from 0 to 255"),
        (IMAGES.astype(np.int64), (), "scaled from 0 to 255"),
        (IMAGES.astype(np.uint16) * 257, (), "scaled from 0 to 65535"),
        (IMAGES.astype(np.uint16) * 16, (0, 4080), "scaled from 0 to 4080"),
        (IMAGES * 10.0 - 1000, (-1000, 1550), "scaled from -1000 to 1550"),
    ],
)
def test_other_types_of_pixels(tmp_path, images, value_range, said):
    save(tmp_path, {"image": images})
    train = load("npz", path=str(tmp_path), value_range=value_range).train
    np.testing.assert_allclose(
        train.images.astype(int), IMAGES, atol=1 if images.dtype == "f2" else 0
    )
    (note,) = train.notes
    assert said in note and "--config.data.value_range" in note


def test_the_test_images_are_scaled_as_the_training_images(tmp_path):
    save(tmp_path, {"image": IMAGES / 1.0}, {"image": IMAGES[:2] / 255})  # all below 1
    found = load("npz", path=str(tmp_path))
    np.testing.assert_array_equal(found.test.images, np.round(IMAGES[:2] / 255))


def test_ranges_that_cannot_be_told_are_refused_and_dark_images_warned_of(tmp_path):
    save(tmp_path, {"image": IMAGES * 1000.0})
    with refuses("value_range", None) as caught:
        load("npz", path=str(tmp_path))
    assert "do not say what is white" in str(caught.value)
    with refuses("value_range", (3, 3)):
        load("npz", path=str(tmp_path), value_range=(3, 3))
    save(tmp_path, {"image": np.where(IMAGES > 9, np.nan, IMAGES)})
    with pytest.raises(UserError, match="not finite"):
        load("npz", path=str(tmp_path))
    save(tmp_path, {"image": IMAGES.astype(np.uint16) * 16})  # 12 bits
    (_, warning) = load("npz", path=str(tmp_path)).train.notes
    assert "nearly black" in warning and "value_range=0,4095" in warning
    save(tmp_path, {"image": IMAGES // 64})
    assert any(
        "almost one value (0 to 3 of 255)" in n for n in load("npz", path=str(tmp_path)).train.notes
    )
