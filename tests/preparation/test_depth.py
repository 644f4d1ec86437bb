"""Deep and large images in records: scaled and limited as they are in files."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from ssl_jax import prepare
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from tests.preparation.photos import write_photos


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def run(images, folder, *flags):
    prepare.main(["prepare", f"--images={images}", f"--output={folder}", *flags])


def ramp(dtype, most):
    return np.linspace(0, most, 20 * 24).reshape(20, 24).astype(dtype)


def write_deep(folder, pixels, suffix):
    for part in ("train", "test"):
        for name in "ab":
            (folder / part / name).mkdir(parents=True)
            for index in range(2):
                Image.fromarray(pixels).save(folder / part / name / f"{index}.{suffix}")
    return folder


KINDS = {
    "12 bits": (ramp(np.uint16, 4095), "png", ("--value_range=0,4095",), 4095),
    "16 bits": (ramp(np.uint16, 65535), "png", (), None),
    "fractions": (ramp(np.float32, 1.0), "tif", (), 1.0),
    "a given range": (ramp(np.float32, 7.0), "tif", ("--value_range=0,7",), 7.0),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("short_side", [0, 16])
@pytest.mark.parametrize("kind", list(KINDS))
def test_records_have_the_pixels_of_the_files(tmp_path, kind, short_side, packed, capsys):
    pixels, suffix, flags, white = KINDS[kind]
    images = write_deep(tmp_path / "deep", pixels, suffix)
    if packed:
        with tarfile.open(tmp_path / "deep.tar", "w") as tar:
            tar.add(images, arcname=".")
        images = tmp_path / "deep.tar"
    run(images, tmp_path / "out", f"--short_side={short_side}", *flags)
    told = capsys.readouterr().out
    assert (
        "skipped" not in told
        and "are scaled from 0 to" in told
        and "--config.data.value" not in told
    )
    found = load("records", path=str(tmp_path / "out"), image_size=16)
    if white is None:
        expected = (pixels >> 8).astype(np.uint8)
    else:
        expected = np.round(pixels.astype(np.float64) * 255 / white).astype(np.uint8)
    for part in (found.train, found.test):
        assert len(part.images) == 4
        stored = Image.open(io.BytesIO(part.images.read(0)))
        if short_side:
            shrunk = Image.fromarray(expected).resize(stored.size, Image.Resampling.BICUBIC)
            assert stored.mode == "L" and min(stored.size) == 16
            difference = np.asarray(stored, float) - np.asarray(shrunk, float)
            assert np.abs(difference).max() < 6  # what JPEG changes
        else:
            read = part.images.open(0).decode(1, 1)[..., 0]
            np.testing.assert_array_equal(read, expected)


def test_a_tar_of_photographs_is_not_called_empty(tmp_path, capsys):
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(write_photos(tmp_path / "photos", {"train": 2, "test": 1}), arcname=".")
    run(tmp_path / "photos.tar", tmp_path / "out")
    assert "warning" not in capsys.readouterr().out


@pytest.mark.parametrize("packed", [False, True])
def test_larger_images_are_left_out_by_name_and_reason(tmp_path, packed, capsys):
    images = write_photos(tmp_path / "photos", {"train": 2, "test": 1})
    Image.new("RGB", (50, 41), "red").save(images / "train" / "cow" / "large.jpg")
    if packed:
        with tarfile.open(tmp_path / "photos.tar", "w") as tar:
            tar.add(images, arcname=".")
        images = tmp_path / "photos.tar"
    run(images, tmp_path / "few", "--max_pixels=2000")
    told = capsys.readouterr().out
    assert "large.jpg" in told and "50 x 41 pixels are more than 2,000" in told
    assert "; --max_pixels raises the limit" in told
    assert len(load("records", path=str(tmp_path / "few"), image_size=16).train.images) == 6
    run(images, tmp_path / "all", "--max_pixels=3000")
    assert len(load("records", path=str(tmp_path / "all"), image_size=16).train.images) == 7


def test_what_was_let_in_as_it_is_can_be_read(tmp_path, monkeypatch):
    """An image above the usual limit, which is lowered here."""
    for module in (
        "ssl_jax.data.pixel_rule",
        "ssl_jax.data.folders",
        "ssl_jax.data.records.images",
    ):
        monkeypatch.setattr(f"{module}.MAX_PIXELS", 2000)
    images = write_photos(tmp_path / "photos", {"train": 2, "test": 1})
    Image.new("RGB", (50, 41), "red").save(images / "train" / "cow" / "large.jpg")
    run(images, tmp_path / "out", "--short_side=0", "--max_pixels=3000")
    train = load("records", path=str(tmp_path / "out"), image_size=16).train
    (index,) = (i for i in range(7) if train.images.name(i).endswith("large.jpg"))
    assert train.images[index].shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--value_range=1", "--value_range=1 must be BLACK,WHITE"),
        ("--value_range=5,5", "--value_range=5,5 must be BLACK,WHITE"),
        ("--value_range=0,nan", "--value_range=nan"),
        ("--max_pixels=-1", "--max_pixels=-1"),
    ],
)
def test_what_is_no_range_or_number_is_refused(tmp_path, flag, message):
    images = write_photos(tmp_path / "photos", {"train": 2, "test": 1})
    with pytest.raises(UserError, match=message):
        run(images, tmp_path / "out", flag)


def test_another_range_is_another_preparation(tmp_path):
    images = write_deep(tmp_path / "deep", ramp(np.uint16, 4095), "png")
    run(images, tmp_path / "out", "--value_range=0,4095")
    with pytest.raises(UserError, match="another .*value_range"):
        run(images, tmp_path / "out", "--value_range=0,8191")
