"""Folders of images of other types than 8 bits and of other channels: one rule for a set."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ssl_jax.augment.policy import ViewSpec, view_problems
from ssl_jax.data.dataset import fingerprint
from ssl_jax.data.decode import open_image
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.refusals import refuses

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 8, 8), dtype=np.uint8)
PIXELS[:, 0, 0], PIXELS[:, 0, 1] = 0, 255


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def save(folder, images, suffix="tif"):
    """Three images in each of two classes, in order."""
    for index, image in enumerate(images):
        place = folder / "ab"[index // 3]
        place.mkdir(parents=True, exist_ok=True)
        if suffix == "npy":
            np.save(place / f"{index}.npy", image)
        else:
            Image.fromarray(image).save(place / f"{index}.{suffix}")


def opened(folder, **options):
    """(images of train and test in the order of their names, notes)."""
    found = load("folder", path=str(folder), **options)
    images = {}
    for part in filter(None, (found.train, found.test)):
        images |= {part.images.names[i]: part.images[i] for i in range(len(part.images))}
    return np.stack([images[name] for name in sorted(images)]), "\n".join(found.train.notes)


@pytest.mark.parametrize(
    ("images", "suffix", "said"),
    [
        (PIXELS.astype(np.int32), "tif", "scaled from 0 to 255"),
        (PIXELS.astype(np.int32) * 257, "tif", "scaled from 0 to 65535"),
        (PIXELS.astype(np.float32), "tif", "scaled from 0 to 255"),
        (PIXELS.astype(np.float32) / 255, "tif", "scaled from 0 to 1;"),
        (PIXELS.astype(np.float32) / 127.5 - 1, "tif", "scaled from -1 to 1"),
        (PIXELS.astype(np.uint16) * 257, "png", "scaled from 0 to 65535"),
        (PIXELS.astype(np.int64), "npy", "scaled from 0 to 255"),
        (PIXELS / 255, "npy", "scaled from 0 to 1;"),
        (PIXELS, "npy", ""),
        (PIXELS, "png", ""),
    ],
)
def test_one_range_for_a_set_that_is_said(tmp_path, images, suffix, said):
    save(tmp_path, images, suffix)
    got, notes = opened(tmp_path, channels=1)
    np.testing.assert_array_equal(got[..., 0], PIXELS)
    assert said in notes and ("scaled" in notes) == bool(said)


def test_a_dark_image_is_scaled_as_the_others(tmp_path):
    images = PIXELS.astype(np.float32)
    images[0] = PIXELS[0] / 255  # by itself it would be taken for 0 to 1
    save(tmp_path, images)
    got, _ = opened(tmp_path, channels=1)
    np.testing.assert_array_equal(got[0, ..., 0], np.round(PIXELS[0] / 255))


def test_a_test_set_is_scaled_as_its_training_set(tmp_path):
    save(tmp_path / "train", PIXELS.astype(np.float32))
    save(tmp_path / "val", PIXELS[:4].astype(np.float32) / 255)
    found = load("folder", path=str(tmp_path), channels=1)
    assert found.test.images.rule == found.train.images.rule
    np.testing.assert_array_equal(found.test.images[1][..., 0], np.round(PIXELS[1] / 255))


def test_twelve_bits_are_warned_of_and_read_with_their_range(tmp_path):
    save(tmp_path, PIXELS.astype(np.uint16) * 16, "png")
    dark, notes = opened(tmp_path, channels=1)
    assert dark.max() <= 16 and "nearly black" in notes and "value_range=0,4095" in notes
    got, notes = opened(tmp_path, channels=1, value_range=(0, 4080))
    np.testing.assert_array_equal(got[..., 0], PIXELS)
    assert "black" not in notes and "scaled from 0 to 4080" in notes


def test_the_range_is_part_of_what_a_set_is(tmp_path):
    save(tmp_path, PIXELS.astype(np.uint16) * 16, "png")
    prints = {
        fingerprint(load("folder", path=str(tmp_path), value_range=given).train)
        for given in ((), (0, 4080), (0, 4095))
    }
    assert len(prints) == 3


def test_ranges_that_cannot_be_told_are_refused(tmp_path):
    save(tmp_path, PIXELS.astype(np.float32) * 1000)
    with refuses("value_range", None) as caught:
        opened(tmp_path)
    assert "float32 from 0 to 255000" in str(caught.value)
    with refuses("value_range", (1, 2, 3)):
        opened(tmp_path, value_range=(1, 2, 3))


def test_almost_one_value_is_warned_about(tmp_path):
    save(tmp_path, PIXELS // 64, "png")
    assert (
        "all 6 images that were looked at are of almost one value (0 to 3 of 255)"
        in opened(tmp_path)[1]
    )
    images = PIXELS.copy()
    images[2] = 9
    save(tmp_path, images, "png")
    assert "1 of 6 images that were looked at are of one value" in opened(tmp_path)[1]
    assert "a/2.png" in opened(tmp_path)[1]


def test_names_and_reasons_of_what_is_left_out(tmp_path):
    save(tmp_path, PIXELS, "png")
    Image.new("RGB", (100, 50)).save(tmp_path / "a" / "large.png")
    (tmp_path / "b" / "empty.jpg").touch()
    np.save(tmp_path / "b" / "x.npy", PIXELS[0])
    found = load("folder", path=str(tmp_path), image_size=8, max_pixels=4999)
    assert found.train.skipped == ("a/large.png", "b/empty.jpg")
    large, empty = found.train.reasons
    assert (
        large
        == "its 100 x 50 pixels are more than 4,999; --config.data.max_pixels raises the limit"
    )
    assert empty == "no image that Pillow can open"
    assert "1 .npy" in "\n".join(found.train.notes)
    assert load("folder", path=str(tmp_path), image_size=8).train.skipped == ("b/empty.jpg",)
    with pytest.raises(UserError, match="are more than 3"):
        load("folder", path=str(tmp_path), image_size=8, max_pixels=3)


def png_of(side):
    """A PNG that says it is a grey square, and holds nothing."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", b"")]
    written = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        check = zlib.crc32(name + content)
        written += struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
    return written


@pytest.mark.filterwarnings("ignore:Image size")  # as in a run
@pytest.mark.parametrize("side", [10_001, 13_000, 20_000])  # Pillow refuses the last by itself
def test_small_files_of_many_pixels_are_left_out(tmp_path, side):
    save(tmp_path, PIXELS, "png")
    (tmp_path / "a" / "square.png").write_bytes(png_of(side))
    found = load("folder", path=str(tmp_path), image_size=8)
    assert found.train.skipped == ("a/square.png",)
    (reason,) = found.train.reasons
    number = f"{side * side:,}" if side == 20_000 else f"{side:,} x {side:,}"
    expected = f"its {number} pixels are more than 100,000,000; --config.data.max_pixels raises"
    assert reason.startswith(expected)
    with pytest.raises(ValueError, match="are more than 100,000,000"):
        open_image(png_of(side))
    (tmp_path / "a" / "square.png").write_bytes(png_of(10_000))
    assert load("folder", path=str(tmp_path), image_size=8).train.skipped == ()


@pytest.mark.parametrize("suffix", ["npy", "tif"])
def test_many_bands(tmp_path, suffix):
    bands = RNG.integers(0, 256, (6, 8, 8, 13), dtype=np.uint8)
    for index, image in enumerate(bands):
        place = tmp_path / "ab"[index // 3]
        place.mkdir(exist_ok=True)
        if suffix == "npy":
            np.save(place / f"{index}.npy", image)
        else:
            tifffile = pytest.importorskip("tifffile")
            tifffile.imwrite(
                place / f"{index}.tif", image, photometric="minisblack", planarconfig="contig"
            )
    for options in ({}, {"channels": 13}):
        got, notes = opened(tmp_path, **options)
        np.testing.assert_array_equal(got, bands)
        assert ("images have 13 channels" in notes) == (not options)
    with refuses("channels", 5):
        opened(tmp_path, channels=5)
    (problem, *_) = view_problems(ViewSpec(size=8, grey=0.2), 13)
    assert problem.level == "fatal" and "needs RGB images; these have 13 channels" in str(problem)


def test_pages_of_a_tiff(tmp_path):
    for index in range(4):
        place = tmp_path / "ab"[index // 2] / f"{index}.tif"
        place.parent.mkdir(exist_ok=True)
        pages = [Image.fromarray(PIXELS[index] // (1 + page)) for page in range(5)]
        pages[0].save(place, save_all=True, append_images=pages[1:])
    got, notes = opened(tmp_path, channels=1)
    np.testing.assert_array_equal(got[..., 0], PIXELS[:4])
    assert "up to 5 pages, of which the first is read; --config.data.channels=5" in notes
    pytest.importorskip("tifffile")
    got, notes = opened(tmp_path, channels=5)
    np.testing.assert_array_equal(got[..., 4], PIXELS[:4] // 5)
