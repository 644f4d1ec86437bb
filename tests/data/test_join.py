"""Two data sets joined into one."""

import dataclasses
import io
import pickle

import jax
import numpy as np
import pytest
from PIL import Image

from ssl_jax import prepare
from ssl_jax.augment.policy import ViewSpec
from ssl_jax.data.crop import draw, make_views, shrunk
from ssl_jax.data.dataset import Dataset, StoredImages, gather, take
from ssl_jax.data.decodable import decodable
from ssl_jax.data.decode import open_image
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.join import join
from ssl_jax.data.load import load
from ssl_jax.data.pixel_rule import PixelRule
from ssl_jax.data.records.images import RecordImages
from ssl_jax.data.stream import stream
from ssl_jax.errors import UserError
from ssl_jax.training import feed
from tests.preparation.photos import write_photos

FIRST = Dataset(np.full((2, 4, 4, 3), 10, np.uint8), np.array([0, 1], np.int32), ("a", "b"), ("x",))
SECOND = Dataset(np.full((1, 4, 4, 3), 20, np.uint8), np.array([1], np.int32), ("a", "b"), ("y",))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def in_files(dataset, folder, prefix):
    names = tuple(f"{prefix}{index}.png" for index in range(len(dataset.images)))
    for name, image in zip(names, dataset.images, strict=True):
        Image.fromarray(image).save(folder / name)
    return dataset._replace(
        images=ImageFiles(str(folder), names, (1,) * len(names), image_size=4, channels=3)
    )


def test_images_labels_and_skipped_files_are_appended():
    joined = join(FIRST, SECOND)
    assert joined.images[:, 0, 0, 0].tolist() == [10, 10, 20]
    assert joined.labels.tolist() == [0, 1, 1] and joined.labels.dtype == np.int32
    assert joined.classes == ("a", "b") and joined.skipped == ("x", "y")
    assert joined.presence is None


def test_presence_is_appended_and_unlabelled_sets_stay_unlabelled():
    presence = np.array([[1, -1], [0, 1]], np.int8)
    first = FIRST._replace(labels=None, presence=presence)
    joined = join(first, SECOND._replace(labels=None, presence=presence[:1]))
    assert joined.labels is None and joined.presence.tolist() == [[1, -1], [0, 1], [1, -1]]


def test_image_files_are_joined_without_reading_them(tmp_path):
    first, second = in_files(FIRST, tmp_path, "a"), in_files(SECOND, tmp_path, "b")
    joined = join(first, second)
    assert joined.images == ImageFiles(
        str(tmp_path), ("a0.png", "a1.png", "b0.png"), (1, 1, 1), image_size=4, channels=3
    )
    assert [joined.images[index][0, 0, 0] for index in range(3)] == [10, 10, 20]


def test_files_and_arrays_are_joined_without_reading_the_files(tmp_path):
    second = in_files(SECOND, tmp_path, "b")
    joined = join(FIRST, second)
    assert isinstance(joined.images, StoredImages) and joined.images.shape == (3, 4, 4, 3)
    chosen = joined.images.subset(np.array([2, 0, 1])).subset(np.array([0, 2, 0]))
    assert gather(joined.images, np.arange(3))[:, 0, 0, 0].tolist() == [10, 10, 20]
    assert gather(chosen, np.arange(3))[:, 0, 0, 0].tolist() == [20, 10, 20]
    names = {images.identity() for images in (joined.images, chosen, join(FIRST, second).images)}
    assert len(names) == 2
    (tmp_path / "b0.png").unlink()
    assert join(FIRST, second).images[1][0, 0, 0] == 10  # not read
    with pytest.raises(UserError, match="b0.png"):
        joined.images[2]


def test_encoded_images_of_two_places_are_joined_without_reading_them(tmp_path):
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
    first, second = in_files(FIRST, tmp_path / "a", "a"), in_files(SECOND, tmp_path / "b", "b")
    (tmp_path / "a" / "a1.png").unlink()  # nothing is read yet
    joined = join(first, second).images
    assert isinstance(joined, EncodedImages) and joined.shape == (3, 4, 4, 3)
    assert joined.name(2) == str(tmp_path / "b" / "b0.png")
    assert [joined[index][0, 0, 0] for index in (0, 2)] == [10, 20]
    turned = pickle.loads(pickle.dumps(joined.subset(np.array([2, 0]))))
    assert [turned[index][0, 0, 0] for index in range(2)] == [20, 10]
    assert Image.open(io.BytesIO(turned.read(0))).getpixel((0, 0)) == (20, 20, 20)
    assert turned.identity() != joined.subset(np.array([0, 2])).identity()
    assert "a1.png" in joined.why_unreadable(1)


def test_each_of_two_joined_sets_keeps_its_rule(tmp_path):
    for name, most in (("a", 4095), ("b", 65535)):
        (tmp_path / name).mkdir()
        deep = np.full((6, 6), most, np.uint16)
        Image.fromarray(deep).save(tmp_path / name / "0.png")
    options = {"names": ("0.png",), "sizes": (1,), "image_size": 6, "channels": 1}
    first = ImageFiles(str(tmp_path / "a"), rule=PixelRule(value_range=(0, 4095)), **options)
    second = ImageFiles(str(tmp_path / "b"), **options)
    joined = join(Dataset(first, None, ()), Dataset(second, None, ())).images
    assert [joined[index][0, 0, 0] for index in range(2)] == [255, 255]
    assert [joined.open(index).decode(1, 1)[0, 0, 0] for index in range(2)] == [255, 255]


def test_joined_images_are_of_one_size_only_if_both_sets_are(tmp_path):
    both = [in_files(part, tmp_path, name) for part, name in ((FIRST, "a"), (SECOND, "b"))]
    uniform = [d._replace(images=dataclasses.replace(d.images, uniform=True)) for d in both]
    assert join(*uniform).images.uniform
    assert not join(uniform[0], both[1]).images.uniform


def records(folder):
    """Photographs of many sizes as records: the training images in two parts."""
    write_photos(folder / "photos", {"train": 6, "test": 2})
    prepare.main(["prepare", f"--images={folder / 'photos'}", f"--output={folder / 'out'}"])
    train = load("records", path=str(folder / "out"), image_size=8).train
    return take(train, np.arange(0, 18, 2)), take(train, np.arange(1, 18, 2))


def test_joined_records_are_cropped_from_whole_images(tmp_path):
    """As those of a linear probe: views come from the images as stored, not from squares."""
    joined = join(*records(tmp_path))
    spec = ViewSpec(size=8)
    crops = feed.host_crops(joined, [spec], jax.random.key(0))
    assert crops is not None
    batches = stream(joined, batch_size=6, seed=0, start=0, stop=3, crops=crops)
    for step, rows in enumerate(batches):
        draws = draw(crops, step, rows.indices)
        for row, index in enumerate(rows.indices):
            part, at = joined.images.first, int(index)
            if at >= len(part):
                part, at = joined.images.second, at - len(part)
            whole = shrunk(open_image(part.read(at)), crops.short_side, channels=3)
            (view,) = make_views(whole, crops, draws[row], channels=3)
            np.testing.assert_array_equal(rows.images[0][row], view)
    batches.close()


def test_a_damaged_image_of_joined_records_is_replaced_and_named(tmp_path, monkeypatch):
    joined = join(*records(tmp_path))
    damaged = joined.images.name(10)
    original = RecordImages.read

    def read(self, index):
        content = original(self, index)
        return content[:100] if self.name(index) == damaged else content

    monkeypatch.setattr(RecordImages, "read", read)
    crops = feed.host_crops(joined, [ViewSpec(size=8)], jax.random.key(0))
    unreadable, lines = feed.Unreadable(joined), []
    unreadable.report = lines.append
    batches = stream(joined, batch_size=6, seed=0, start=0, stop=3, crops=crops)
    wanted = []
    for rows in batches:
        unreadable.note(rows.wanted[rows.wanted != rows.indices])
        wanted += rows.wanted.tolist()
        assert rows.labels.tolist() == joined.labels[rows.indices].tolist()
        assert 10 not in rows.indices
    batches.close()
    assert sorted(wanted) == list(range(18)) and unreadable.found == {10: damaged}
    assert len(lines) == 1 and lines[0].startswith(f"{damaged} cannot be read, others")
    assert decodable(joined).skipped == (damaged,)
